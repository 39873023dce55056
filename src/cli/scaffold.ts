// The files of a new application: one agent, its test, its configuration, and what an editor needs.

import { declarationsDirectory, declaredModules } from "./declarations.ts";

/** File names and their texts, for an application of this name. */
export function scaffold(name: string): Readonly<Record<string, string>> {
  return {
    "app.ts": appText(name),
    "app.test.ts": testText,
    "acton.toml": configText,
    "tsconfig.json": tsconfigText(),
    ".gitignore": gitignoreText,
    "README.md": readmeText(name),
  };
}

function appText(name: string): string {
  return `// The application: its message types, its agents, and what is served.

${imports("{ agent, app, message }", "acton")}
${imports("{ z }", "zod")}

export const Greeting = message("Greeting", { text: z.string() });
export const Greet = message("Greet", { name: z.string().min(1) }).replies(Greeting);

export const greeter = agent("greeter", () => ({ greeted: 0 })).mutateOn(
  Greet,
  ({ model, message: { name } }) => {
    model.greeted += 1;
    return { text: \`Hello, \${name}. You are number \${model.greeted}.\` };
  },
);

export default app({ name: ${JSON.stringify(name)}, version: "0.1.0", agents: [greeter] });
`;
}

const testText = `${imports("{ expect, test }", "bun:test")}
${imports("{ ActonApp }", "acton")}
${imports("{ Greet, greeter }", "./app.ts")}

test("the greeter counts whom it greets", async () => {
  await using runtime = ActonApp.launch();
  const handle = await runtime.start(greeter);
  const first = await handle.ask(Greet, { name: "Ada" });
  expect(first.text).toBe("Hello, Ada. You are number 1.");
  const second = await handle.ask(Greet, { name: "Alan" });
  expect(second.text).toBe("Hello, Alan. You are number 2.");
});
`;

const configText = `# What 'acton serve app.ts' reads. Every key has a default: acton serve app.ts --print-config shows them.

# max_connections = 100

[log]
level = "info"
`;

function tsconfigText(): string {
  return `{
  "compilerOptions": {
    "target": "ESNext",
    "module": "Preserve",
    "moduleResolution": "Bundler",
    "lib": ["ESNext", "DOM"],
    "types": [],
    "paths": {
${paths()}
    },
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["*.ts"]
}
`;
}

function paths(): string {
  const entries = Object.entries(declaredModules).map(([name, file]) => `      "${name}": ["./${declarationsDirectory}/${file}"]`);
  return entries.join(",\n");
}

const gitignoreText = `.acton/
node_modules/
*.sock
*.sock.lock
`;

function readmeText(name: string): string {
  return `# ${name}

\`\`\`sh
acton test                                          # runs app.test.ts
acton serve app.ts --app ${name}
acton call greeter Greet name=Ada --app ${name}
acton describe greeter --app ${name}
\`\`\`

\`acton\`, \`zod\` and \`bun:test\` come from inside the executable: nothing has to be installed to run, test or edit this
directory. Their types are in \`.acton\`; \`acton new --types .\` makes them anew, in a fresh clone or
after an update. npm packages work too, once they
are installed here.
`;
}

// Put together here, so that whoever reads this file's own imports does not take it for one of them.
function imports(names: string, from: string): string {
  return `import ${names} from "${from}";`;
}
