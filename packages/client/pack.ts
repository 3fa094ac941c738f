// Packs the client as JavaScript with its types, in one file with those of our packages that it stands on, for whoever
// installs it elsewhere: node packages/client/pack.ts FOLDER
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = fileURLToPath(new URL("..", import.meta.url));
const TSC = join(PACKAGES, "../node_modules/.bin/tsc");
const CLIENT = "client";

type Manifest = {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
};

/** @returns the path of the packed file */
export function packClient(folder: string): string {
  const stage = mkdtempSync(join(tmpdir(), "sluice-client-"));
  try {
    const root = join(stage, CLIENT);
    const carried = carriedBy(CLIENT);
    execFileSync(TSC, ["-b", join(PACKAGES, CLIENT)], { stdio: "inherit" });
    compile(CLIENT, root);
    for (const name of carried) compile(name, join(root, "node_modules/@sluice", name));
    const outside = [CLIENT, ...carried].flatMap((name) => Object.entries(manifestOf(name).dependencies ?? {}));
    const ours = carried.map((name) => [`@sluice/${name}`, manifestOf(name).version] as const);
    writeManifest(CLIENT, root, {
      dependencies: Object.fromEntries([...outside.filter(([, version]) => version !== OURS), ...ours]),
      bundleDependencies: ours.map(([name]) => name),
    });
    for (const name of carried) writeManifest(name, join(root, "node_modules/@sluice", name), {});
    const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
      cwd: root,
      encoding: "utf8",
    });
    return join(folder, packed.trim().split("\n").at(-1) ?? "");
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

const OURS = "workspace:*";

/** Our own packages that one stands on, and those that they stand on, each once. */
function carriedBy(name: string): readonly string[] {
  const dependencies = Object.entries(manifestOf(name).dependencies ?? {});
  const own = dependencies.filter(([, version]) => version === OURS).map(([full]) => full.replace("@sluice/", ""));
  return [...new Set(own.flatMap((one) => [one, ...carriedBy(one)]))];
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(PACKAGES, name, "package.json"), "utf8")) as Manifest;
}

/** Node does not strip types below node_modules, so what is packed is JavaScript. */
function compile(name: string, into: string): void {
  const options = {
    ...{ "--outDir": join(into, "build"), "--rootDir": join(PACKAGES, name), "--emitDeclarationOnly": "false" },
    ...{
      "--rewriteRelativeImportExtensions": "true",
      "--composite": "false",
      "--incremental": "false",
      "--noCheck": "true",
    },
  };
  const project = join(PACKAGES, name, "tsconfig.json");
  execFileSync(TSC, ["-p", project, "--tsBuildInfoFile", "null", ...Object.entries(options).flat()], {
    stdio: "inherit",
  });
  for (const path of globSync("build/{test,src/**/*.test.*,src/fixtures.*,*.d.ts,*.js}", { cwd: into })) {
    rmSync(join(into, path), { recursive: true, force: true });
  }
  const generated = join(PACKAGES, name, "gen");
  if (existsSync(generated)) cpSync(generated, join(into, "build/gen"), { recursive: true });
}

function writeManifest(name: string, into: string, more: object): void {
  const { name: full, version, description, exports } = manifestOf(name);
  const built = Object.entries(exports).map(([at, source]) => {
    const file = source.replace("./src/", "./build/src/").replace(/\.ts$/, "");
    return [at, { types: `${file}.d.ts`, default: `${file}.js` }];
  });
  const manifest = {
    name: full,
    version,
    description,
    type: "module",
    license: "Apache-2.0",
    files: ["build"],
    engines: { node: ">=20" },
  };
  mkdirSync(into, { recursive: true });
  writeFileSync(
    join(into, "package.json"),
    JSON.stringify({ ...manifest, exports: Object.fromEntries(built), ...more }, null, 2),
  );
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error("give the folder to pack into");
  process.stdout.write(`${packClient(folder)}\n`);
}
