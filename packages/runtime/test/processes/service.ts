// A small process for the tests of the lifecycle. What it does beyond starting and stopping, its argument says.
import { about, createMetrics, readConfig, readSecrets, runProcess, setting, z } from "../../src/index.ts";

const [behaviour = ""] = process.argv.slice(2);

const config = z.strictObject({
  SLUICE_PORT: setting.port(),
  SLUICE_DATABASE_URL: setting.url({ protocols: ["postgres:"] }),
  SLUICE_SECRETS: setting.secretsSource(),
  SLUICE_POLL: setting.durationMs().default(1_000),
});

const secrets = z.strictObject({ databasePassword: z.string().min(8), apiToken: z.string().optional() });

runProcess(
  "example",
  async (life) => {
    const parts = (names: readonly string[]) => {
      for (const name of names) life.onStop(name, () => life.logger.debug(`${name} is stopping`));
    };
    switch (behaviour) {
      case "config": {
        const settings = readConfig(config, process.env);
        const kept = readSecrets(secrets, settings.SLUICE_SECRETS);
        life.logger.info({ settings, secrets: kept, ...kept }, "configured");
        return life.stop("configured");
      }
      case "serve":
        return parts(["pool", "consumer", "server"]);
      case "slow-start":
        parts(["pool"]);
        process.stderr.write('{"msg":"starting"}\n');
        return new Promise((_, reject) => life.stopping.addEventListener("abort", () => reject(life.stopping.reason)));
      case "hang":
        parts(["pool"]);
        return life.onStop("consumer", () => new Promise(() => {}));
      case "bad-stop":
        parts(["pool"]);
        return life.onStop("consumer", () => Promise.reject(new Error("the broker is gone")));
      case "late-part":
        return life.onStop("server", () => parts(["begun while stopping"]));
      case "no-start":
        parts(["pool"]);
        throw new Error("no database there");
      case "rejection":
        void Promise.reject(new Error("nobody waits for me"));
        return;
      case "exception":
        setImmediate(() => {
          throw new Error("an invariant broke");
        });
        return;
      case "warning":
        process.emitWarning("something is old");
        process.once("warning", () => life.stop("warned"));
        return;
      case "log":
        about(life.logger, { withdrawalId: "w-1", transactionId: "ab" }).info(
          { amountMinor: 7n },
          "about a withdrawal",
        );
        life.logger.info("no answer from postgres://app:MATERIAL@db/app");
        for (let line = 0; line < 2_000; line += 1) life.logger.info({ line }, "x".repeat(200));
        return process.exit(0);
      case "metrics":
        createMetrics("example").counter({ name: "sluice_frames_total", help: "Frames." }).inc();
        return life.stop("measured");
      default:
        throw new Error(`no behaviour ${behaviour}`);
    }
  },
  { stopWithinMs: behaviour === "hang" ? 300 : 20_000 },
);
