// pgx (Go: Grafana, many services) as a client program. Must not know: what is expected.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

type task struct {
	Host, User, Password, Database string
	Port                           uint16
	CA                             *string
	Texts                          map[string]string
}

var (
	ctx   = context.Background()
	asked task
)

const columns = `SELECT column_name::text FROM information_schema.columns
  WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position`

func connect() (*pgx.Conn, error) {
	tls := "sslmode=disable"
	if asked.CA != nil {
		tls = "sslmode=verify-full sslrootcert=" + *asked.CA
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s dbname=%s %s", asked.Host, asked.Port, asked.User, asked.Database, tls))
	if err != nil {
		return nil, err
	}
	config.Password = asked.Password
	return pgx.ConnectConfig(ctx, config)
}

func text(value any) any {
	switch known := value.(type) {
	case nil:
		return nil
	case time.Time:
		return known.Format("2006-01-02")
	default:
		return fmt.Sprint(known)
	}
}

func byID() string { return strings.Replace(asked.Texts["by_id"], "{}", "$1", 1) }

// all reads a result to its end.
func all(rows pgx.Rows, err error) ([][]any, error) {
	if err != nil {
		return nil, err
	}
	shown, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) {
		values, err := row.Values()
		for i := range values {
			values[i] = text(values[i])
		}
		return values, err
	})
	return shown, err
}

func flat(rows [][]any) []any {
	shown := []any{}
	for _, row := range rows {
		shown = append(shown, row...)
	}
	return shown
}

func state(err error) any {
	var told *pgconn.PgError
	if errors.As(err, &told) {
		return told.Code
	}
	return err.Error()
}

func masks(c *pgx.Conn) (any, error) { return all(c.Query(ctx, asked.Texts["rows"])) }

func catalog(c *pgx.Conn) (any, error) {
	rows, err := all(c.Query(ctx, columns, asked.Texts["schema"], asked.Texts["table"]))
	return flat(rows), err
}

func each(c *pgx.Conn, last int, options ...any) (any, error) {
	shown := [][]any{}
	for number := 1; number <= last; number++ {
		rows, err := all(c.Query(ctx, byID(), append(options, number)...))
		if err != nil {
			return nil, err
		}
		shown = append(shown, rows...)
	}
	return shown, nil
}

func parameters(c *pgx.Conn) (any, error) { return each(c, 10, pgx.QueryExecModeExec) }

// prepared: its cache gives each text a name on the server.
func prepared(c *pgx.Conn) (any, error) { return each(c, 20) }

func byCursor(c *pgx.Conn) (any, error) {
	shown := [][]any{}
	err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "DECLARE pieces CURSOR FOR "+asked.Texts["many"]); err != nil {
			return err
		}
		for {
			rows, err := all(tx.Query(ctx, "FETCH 1000 FROM pieces"))
			if err != nil || len(rows) == 0 {
				return err
			}
			shown = append(shown, rows...)
		}
	})
	return shown, err
}

func failures(c *pgx.Conn) (any, error) {
	states := []any{}
	for _, failing := range []string{"refused", "failing"} {
		tx, err := c.Begin(ctx)
		if err != nil {
			return nil, err
		}
		for _, name := range []string{failing, "good"} {
			if _, err := all(tx.Query(ctx, asked.Texts[name])); err != nil {
				states = append(states, state(err))
			}
		}
		if err := tx.Rollback(ctx); err != nil {
			return nil, err
		}
		rows, err := all(c.Query(ctx, asked.Texts["good"]))
		if err != nil {
			return nil, err
		}
		states = append(states, flat(rows)...)
	}
	return states, nil
}

func cancel(c *pgx.Conn) (any, error) {
	sent := make(chan error)
	go func() {
		time.Sleep(500 * time.Millisecond)
		sent <- c.PgConn().CancelRequest(ctx)
	}()
	_, failed := all(c.Query(ctx, asked.Texts["endless"]))
	if err := <-sent; err != nil {
		return nil, err
	}
	rows, err := all(c.Query(ctx, asked.Texts["good"]))
	return append([]any{state(failed)}, flat(rows)...), err
}

func copyOut(c *pgx.Conn) (any, error) {
	var target bytes.Buffer
	if _, err := c.PgConn().CopyTo(ctx, &target, "COPY ("+asked.Texts["copied"]+") TO STDOUT"); err != nil {
		return nil, err
	}
	shown := [][]any{}
	for _, line := range strings.Split(strings.TrimSuffix(target.String(), "\n"), "\n") {
		row := []any{}
		for _, cell := range strings.Split(line, "\t") {
			if cell == `\N` {
				row = append(row, nil)
			} else {
				row = append(row, cell)
			}
		}
		shown = append(shown, row)
	}
	return shown, nil
}

// pipeline: all of a batch goes out before an answer is read.
func pipeline(c *pgx.Conn) (any, error) {
	batch := &pgx.Batch{}
	for number := 1; number <= 10; number++ {
		batch.Queue(byID(), number)
	}
	results := c.SendBatch(ctx, batch)
	shown := [][]any{}
	for number := 1; number <= 10; number++ {
		rows, err := all(results.Query())
		if err != nil {
			return nil, err
		}
		shown = append(shown, rows...)
	}
	return shown, results.Close()
}

func main() {
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		panic(err)
	}
	outcome := map[string]map[string]any{}
	for name, feature := range map[string]func(*pgx.Conn) (any, error){
		"MASKS": masks, "CATALOG": catalog, "PARAMETERS": parameters, "PREPARED": prepared, "BINARY": masks,
		"CURSOR": byCursor, "ERRORS": failures, "CANCEL": cancel, "COPY": copyOut, "PIPELINE": pipeline,
	} {
		var shown any
		connection, err := connect()
		if err == nil {
			shown, err = feature(connection)
			_ = connection.Close(ctx)
		}
		if err != nil {
			outcome[name] = map[string]any{"error": err.Error()}
		} else {
			outcome[name] = map[string]any{"shown": shown}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(outcome); err != nil {
		panic(err)
	}
}
