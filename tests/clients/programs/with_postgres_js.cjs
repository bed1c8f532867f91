// postgres.js as a client program. Must not know: what is expected.
"use strict";
const fs = require("node:fs");
const postgres = require("postgres");
const { COLUMNS, perform, texts } = require("./task.cjs");

async function connected(task, use) {
  const sql = postgres({
    host: task.host,
    port: task.port,
    user: task.user,
    password: task.password,
    database: task.database,
    ssl: task.ca ? { ca: fs.readFileSync(task.ca, "utf8"), servername: "localhost" } : false,
    max: 1,
    types: { date: { to: 1082, from: [1082], serialize: String, parse: String } },
  });
  try {
    return await use(sql);
  } finally {
    await sql.end();
  }
}

const ask = async (sql, text, values = [], options = {}) => texts(await sql.unsafe(text, values, options).values());

const byId = (last, prepare) => (task) =>
  connected(task, async (sql) => {
    const shown = [];
    for (let n = 1; n <= last; n += 1) {
      shown.push((await ask(sql, task.texts.by_id.replace("{}", "$1"), [n], { prepare }))[0]);
    }
    return shown;
  });

const pieces = (task) =>
  connected(task, async (sql) => {
    const shown = [];
    await sql.unsafe(task.texts.many).cursor(1000, (rows) => {
      shown.push(...texts(rows.map((row) => Object.values(row))));
    });
    return shown;
  });

const errors = (task) =>
  connected(task, async (sql) => {
    const states = [];
    for (const failing of ["refused", "failing"]) {
      await sql
        .begin(async (transaction) => {
          for (const name of [failing, "good"]) {
            await transaction.unsafe(task.texts[name]).catch((error) => states.push(error.code));
          }
          throw new Error("roll back");
        })
        .catch(() => undefined);
      states.push((await ask(sql, task.texts.good))[0][0]);
    }
    return states;
  });

const cancel = (task) =>
  connected(task, async (sql) => {
    const endless = sql.unsafe(task.texts.endless);
    const ended = endless.then(
      () => "was not cancelled",
      (error) => error.code,
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    endless.cancel();
    return [await ended, (await ask(sql, task.texts.good))[0][0]];
  });

const copy = (task) =>
  connected(task, async (sql) => {
    let printed = "";
    for await (const chunk of await sql.unsafe(`COPY (${task.texts.copied}) TO STDOUT`).readable()) printed += chunk;
    return printed.trimEnd().split("\n").map((line) => line.split("\t").map((cell) => (cell === "\\N" ? null : cell)));
  });

const pipeline = (task) =>
  connected(task, async (sql) => {
    const numbers = Array.from({ length: 10 }, (_, n) => n + 1);
    const text = task.texts.by_id.replace("{}", "$1");
    return (await Promise.all(numbers.map((n) => ask(sql, text, [n], { prepare: true })))).flat();
  });

perform({
  MASKS: (task) => connected(task, (sql) => ask(sql, task.texts.rows)),
  CATALOG: (task) =>
    connected(task, async (sql) => (await ask(sql, COLUMNS, [task.texts.schema, task.texts.table])).flat()),
  PARAMETERS: byId(10, false),
  PREPARED: byId(20, true),
  PIECES: pieces,
  ERRORS: errors,
  CANCEL: cancel,
  COPY: copy,
  PIPELINE: pipeline,
});
