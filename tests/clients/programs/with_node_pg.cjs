// node-postgres as a client program. Must not know: what is expected.
"use strict";
const fs = require("node:fs");
const { Client, types } = require("pg");
const Cursor = require("pg-cursor");
const { to: copyTo } = require("pg-copy-streams");
const { COLUMNS, perform, texts } = require("./task.cjs");

types.setTypeParser(types.builtins.DATE, (value) => value);

async function connected(task, use) {
  const client = new Client({
    host: task.host,
    port: task.port,
    user: task.user,
    password: task.password,
    database: task.database,
    ssl: task.ca ? { ca: fs.readFileSync(task.ca, "utf8"), servername: "localhost" } : false,
    statement_timeout: 30000,
  });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

const ask = async (client, text, values, name) =>
  texts((await client.query({ text, values, name, rowMode: "array" })).rows);

const byId = (last, name) => (task) =>
  connected(task, async (client) => {
    const shown = [];
    for (let n = 1; n <= last; n += 1) {
      shown.push((await ask(client, task.texts.by_id.replace("{}", "$1"), [n], name))[0]);
    }
    return shown;
  });

const pieces = (task) =>
  connected(task, async (client) => {
    const cursor = client.query(new Cursor(task.texts.many, [], { rowMode: "array" }));
    const shown = [];
    for (;;) {
      const rows = await cursor.read(1000);
      if (rows.length === 0) break;
      shown.push(...texts(rows));
    }
    await cursor.close();
    return shown;
  });

const errors = (task) =>
  connected(task, async (client) => {
    const states = [];
    for (const failing of ["refused", "failing"]) {
      await client.query("BEGIN");
      for (const name of [failing, "good"]) {
        await client.query(task.texts[name], []).catch((error) => states.push(error.code));
      }
      await client.query("ROLLBACK");
      states.push((await ask(client, task.texts.good))[0][0]);
    }
    return states;
  });

const cancel = (task) =>
  connected(task, async (client) => {
    const endless = client.query(task.texts.endless).then(
      () => "was not cancelled",
      (error) => error.code,
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { processID, secretKey } = client;
    await request(task, processID, secretKey);
    return [await endless, (await ask(client, task.texts.good))[0][0]];
  });

// A client of its own for the CancelRequest, as node-postgres' own cancel makes it, which knows nothing of TLS.
function request(task, processID, secretKey) {
  return new Promise((resolve, reject) => {
    const { Connection } = require("pg");
    const connection = new Connection({});
    connection.on("error", reject);
    connection.on("connect", () => connection.cancel(processID, secretKey));
    connection.on("end", resolve);
    connection.connect(task.port, task.host);
  });
}

const copy = (task) =>
  connected(task, async (client) => {
    let printed = "";
    for await (const chunk of client.query(copyTo(`COPY (${task.texts.copied}) TO STDOUT`))) printed += chunk;
    return printed.trimEnd().split("\n").map((line) => line.split("\t").map((cell) => (cell === "\\N" ? null : cell)));
  });

perform({
  MASKS: (task) => connected(task, (client) => ask(client, task.texts.rows)),
  CATALOG: (task) =>
    connected(task, async (client) => (await ask(client, COLUMNS, [task.texts.schema, task.texts.table])).flat()),
  PARAMETERS: byId(10),
  PREPARED: byId(20, "by_id"),
  PIECES: pieces,
  ERRORS: errors,
  CANCEL: cancel,
  COPY: copy,
});
