// Agents without a socket: started, asked, streamed from and broadcast to, all within one process.
//
//   node_modules/.bin/bun examples/in-process.ts

import { ActonApp, agent, message } from "acton";
import { z } from "zod";

const Account = message("Account", { owner: z.string(), cents: z.int() });
const Deposit = message("Deposit", { owner: z.string(), cents: z.int().positive() }).replies(Account);
const ListAccounts = message("ListAccounts", {}).streams(Account);
const Deposited = message("Deposited", { owner: z.string(), cents: z.int() });

const bank = agent("bank", () => ({ accounts: new Map<string, number>() }))
  .mutateOn(Deposit, ({ model: { accounts }, message: { owner, cents }, broker }) => {
    const balance = (accounts.get(owner) ?? 0) + cents;
    accounts.set(owner, balance);
    broker.broadcast(Deposited, { owner, cents });
    return { owner, cents: balance };
  })
  .actOn(ListAccounts, function* ({ model: { accounts } }) {
    for (const [owner, cents] of accounts) yield { owner, cents };
  });

await using runtime = ActonApp.launch();
const handle = await runtime.start(bank);

let deposits = 0;
runtime.broker().subscribe(Deposited, () => {
  deposits += 1;
});

await handle.ask(Deposit, { owner: "Ada", cents: 500 });
await handle.ask(Deposit, { owner: "Grace", cents: 1200 });
const { cents } = await handle.ask(Deposit, { owner: "Ada", cents: 250 });
console.log(`Ada has ${cents} cents`);

for await (const account of handle.stream(ListAccounts, {})) console.log(`${account.owner}: ${account.cents}`);

// A broadcast waits for nobody; flush() waits until every one so far has arrived.
await runtime.broker().flush();
console.log(`${deposits} deposits`);
