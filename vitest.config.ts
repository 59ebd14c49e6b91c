import { defineConfig } from "vitest/config";

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
          // Nothing is measured by it: a busy machine may take longer, and one that hangs is ended.
          testTimeout: 20_000,
        },
      },
      {
        test: {
          // Of each provider against its real server; no engine is asked.
          name: "servers",
          include: ["test/servers/**/*.server.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.e2e.ts"],
          setupFiles: ["test/e2e/leak/setup.ts"],
          // One engine for all of them, and its answers take as long as they take.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
