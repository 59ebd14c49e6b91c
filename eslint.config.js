import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const promises = {
  "@typescript-eslint/no-floating-promises": "error",
  "@typescript-eslint/no-misused-promises": "error",
  "@typescript-eslint/await-thenable": "error",
  "@typescript-eslint/return-await": ["error", "in-try-catch"],
  // An async function without await still keeps a port's promise: it turns a throw into a rejection.
  "@typescript-eslint/require-await": "off",
};

const types = {
  "@typescript-eslint/no-explicit-any": "error",
  "@typescript-eslint/consistent-type-imports": "error",
  "@typescript-eslint/switch-exhaustiveness-check": [
    "error",
    { considerDefaultExhaustiveForUnions: true },
  ],
  "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
  "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
  "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
};

const size = {
  "max-lines": ["error", { max: 300 }],
  "max-lines-per-function": ["error", { max: 40, skipBlankLines: true, skipComments: true }],
};

const plain = {
  eqeqeq: "error",
  "no-console": "error",
  "no-empty": ["error", { allowEmptyCatch: false }],
  "no-restricted-syntax": [
    "error",
    { selector: "TSEnumDeclaration", message: "Use a union of string literals." },
    { selector: "TSModuleDeclaration[kind='namespace']", message: "Use a module." },
    { selector: "TSParameterProperty", message: "Declare the field and assign it." },
  ],
};

export default defineConfig(
  globalIgnores(["dist/", "coverage/", ".tools/", "**/generated/", "**/*.generated.*"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: { ...promises, ...types, ...size, ...plain },
  },
  { files: ["src/cli/**", "src/main.ts", "script/**", "bench/**"], rules: { "no-console": "off" } },
  {
    files: ["test/**"],
    rules: {
      "max-lines-per-function": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
);
