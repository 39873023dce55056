import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, serve, temporaryDirectory } from "./executable.ts";

const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());
const at = (name: string): string => join(directory.path, name);

describe("acton new", () => {
  test("makes an application whose test passes and whose agent answers, with nothing installed", async () => {
    const made = await run(["new", "shop"], { cwd: directory.path });
    expect(made.exitCode).toBe(0);
    const files = readdirSync(at("shop")).map((name) => `shop/${name}${name === ".acton" ? "/" : ""}`);
    expect(made.stdout.trimEnd().split("\n").sort()).toEqual(files.sort());

    const tested = await run(["test"], { cwd: at("shop") });
    expect({ exitCode: tested.exitCode, passed: tested.stderr.includes("\n 1 pass\n 0 fail\n") }).toEqual({ exitCode: 0, passed: true });

    await using server = await serve(at("shop.sock"), [at("shop/app.ts")]);
    expect((await run(["call", "greeter", "Greet", "name=Ada", "--socket", server.socket])).stdout).toBe(
      '{"text":"Hello, Ada. You are number 1."}\n',
    );
    expect(JSON.parse((await run(["discover", "--socket", server.socket])).stdout)).toMatchObject({
      application: { name: "shop", version: "0.1.0" },
    });
  });

  test("makes what formatter and type checker have nothing against", async () => {
    await run(["new", at("checked")]);
    const root = join(import.meta.dir, "../..");
    expect(Bun.spawnSync([join(root, "node_modules/.bin/oxfmt"), "--check", "."], { cwd: at("checked") }).exitCode).toBe(0);
    const typeCheck = (): string => Bun.spawnSync([join(root, "node_modules/.bin/tsc"), "-p", at("checked")]).stdout.toString();
    expect(typeCheck()).toBe("");
    const source = readFileSync(at("checked/app.ts"), "utf8");
    writeFileSync(at("checked/app.ts"), source.replace("return { text:", "return { txt:"));
    expect(typeCheck()).toContain("app.ts(11,");
  }, 60_000);

  test("renews the declarations alone with --types", async () => {
    mkdirSync(at("clone"));
    const { stdout, exitCode } = await run(["new", "--types", "."], { cwd: at("clone") });
    expect({ stdout, exitCode, files: readdirSync(at("clone")) }).toEqual({ stdout: ".acton/\n", exitCode: 0, files: [".acton"] });
    expect(readFileSync(at("clone/.acton/acton/index.d.ts"), "utf8")).toContain("ActonApp");
  });

  test("leaves a directory alone that has anything in it, and refuses names that an application cannot have", async () => {
    writeFileSync(at("occupied"), "");
    for (const [name, message] of [
      [".", "is not empty, and is left alone"],
      ["occupied", "cannot write"],
      ["a b", "cannot be an application's name"],
      ["-x", "unknown option"],
    ] as const) {
      const { exitCode, stderr } = await run(["new", name], { cwd: directory.path });
      expect({ name, exitCode }).toEqual({ name, exitCode: 2 });
      expect(stderr).toContain(message);
    }
  });
});

describe("acton test", () => {
  test("ends with 1 when a test fails, and runs only what is asked for", async () => {
    writeFileSync(at("good.test.ts"), 'import { test } from "bun:test"; test("good", () => {});\n');
    writeFileSync(at("bad.test.ts"), 'import { test } from "bun:test"; test("bad", () => { throw new Error("no"); }); test("well", () => {});\n');
    const failed = await run(["test", "bad", "good"], { cwd: directory.path });
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toEndWith("acton: not all tests passed\n");
    expect((await run(["test", "good"], { cwd: directory.path })).exitCode).toBe(0);
    expect((await run(["test", "bad", "--test-name-pattern", "well"], { cwd: directory.path })).exitCode).toBe(0);
  });

  test("shares one acton and one zod between a test and its application, in all their flavours", async () => {
    writeFileSync(
      at("types.ts"),
      'import { message } from "acton"; import { z } from "zod"; export const schema = z.string(); export const M = message("M", {});\n',
    );
    writeFileSync(
      at("identity.test.ts"),
      `import { expect, test } from "bun:test"; import { MessageType } from "acton"; import { probe } from "acton/testing"; import z from "zod"; import * as v4 from "zod/v4"; import { M, schema } from "./types.ts";
test("same", () => { expect(M).toBeInstanceOf(MessageType); expect(schema).toBeInstanceOf(z.ZodString); expect(v4.z.ZodString).toBe(z.ZodString); expect(probe("p", [M]).blueprint.name).toBe("p"); });\n`,
    );
    const { exitCode, stderr } = await run(["test", "identity"], { cwd: directory.path });
    expect({ exitCode, passed: stderr.includes(" 1 pass") }).toEqual({ exitCode: 0, passed: true });
  });
});
