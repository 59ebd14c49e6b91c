import { defineConfig } from "vitest/config";

/** What is waited for is waited for nearly as long as the test may take, and not only a second. */
const waits = (testTimeout: number) => ({
  testTimeout,
  expect: { poll: { timeout: 0.75 * testTimeout } },
});

export default defineConfig({
  test: {
    // Every processor: by default one is left for whoever watches.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**"],
          // Nothing is measured by it: the longest take a few seconds, and twenty times that beside the other
          // projects on two busy processors. What hangs is ended.
          ...waits(120_000),
        },
      },
      {
        test: {
          // Of each provider against its real server; no engine is asked.
          name: "servers",
          include: ["test/servers/**/*.server.ts"],
          ...waits(120_000),
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.e2e.ts"],
          setupFiles: ["test/e2e/leak/setup.ts"],
          // One engine for all of them, and its answers take as long as they take.
          fileParallelism: false,
          ...waits(180_000),
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
