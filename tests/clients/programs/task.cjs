// What a client program in JavaScript is told on standard input, and how it says what it was shown (as task.py).
"use strict";

const COLUMNS = `SELECT column_name FROM information_schema.columns
  WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position`;

const texts = (rows) => rows.map((row) => Array.from(row, (value) => (value === null ? null : String(value))));

async function perform(features) {
  let input = "";
  for await (const chunk of process.stdin) input += chunk;
  const task = JSON.parse(input);
  const outcome = {};
  for (const [name, feature] of Object.entries(features)) {
    try {
      outcome[name] = { shown: await feature(task) };
    } catch (error) {
      outcome[name] = { error: String(error.stack) };
    }
  }
  process.stdout.write(JSON.stringify(outcome));
}

module.exports = { COLUMNS, perform, texts };
