package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/elastic-service/elastic-service/internal/rdsclient"
)

// visits is the table of visits in the stack's database.
type visits struct {
	db  *rdsclient.DB
	log *slog.Logger

	// lost ends the server: its password is refused, and a new start fetches the new one.
	lost context.CancelCauseFunc
}

// visit is a row.
type visit struct {
	number  int64
	at      time.Time
	by      string // the address that answered
	release string
}

// queryTime is how long a page waits for the database.
const queryTime = 3 * time.Second

// latest is the number of visits that the page shows.
const latest = 5

// The statements, for PostgreSQL and otherwise for MySQL.
var (
	createVisits = map[bool]string{
		true: `CREATE TABLE IF NOT EXISTS visits (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
			at TIMESTAMP NOT NULL, answered_by VARCHAR(64) NOT NULL, release VARCHAR(64) NOT NULL)`,
		false: "CREATE TABLE IF NOT EXISTS visits (number BIGINT AUTO_INCREMENT PRIMARY KEY, " +
			"at DATETIME NOT NULL, answered_by VARCHAR(64) NOT NULL, `release` VARCHAR(64) NOT NULL)",
	}
	insertVisit = map[bool]string{
		true:  "INSERT INTO visits (at, answered_by, release) VALUES ($1, $2, $3) RETURNING number",
		false: "INSERT INTO visits (at, answered_by, `release`) VALUES (?, ?, ?)",
	}
	selectVisits = map[bool]string{
		true:  "SELECT number, at, answered_by, release FROM visits ORDER BY number DESC LIMIT $1",
		false: "SELECT number, at, answered_by, `release` FROM visits ORDER BY number DESC LIMIT ?",
	}
	selectVisit = map[bool]string{
		true:  "SELECT number, at, answered_by, release FROM visits WHERE number = $1",
		false: "SELECT number, at, answered_by, `release` FROM visits WHERE number = ?",
	}
)

// add adds a row and returns its number.
func (v *visits) add(ctx context.Context, by, release string) (number int64, err error) {
	now := time.Now().UTC()
	if v.db.Postgres {
		err = v.db.QueryRowContext(ctx, insertVisit[true], now, by, release).Scan(&number)
		return number, err
	}
	result, err := v.db.ExecContext(ctx, insertVisit[false], now, by, release)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// read returns the rows of a query.
func (v *visits) read(ctx context.Context, query map[bool]string, argument int64) ([]visit, error) {
	rows, err := v.db.QueryContext(ctx, query[v.db.Postgres], argument)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has what it would return
	var found []visit
	for rows.Next() {
		var row visit
		if err := rows.Scan(&row.number, &row.at, &row.by, &row.release); err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

func (row visit) String() string {
	return fmt.Sprintf("visit %d, %s, answered by %s, release %s", row.number, row.at.Format(time.RFC3339), row.by, row.release)
}

// page adds a visit and shows the latest ones after the greeting.
func (v *visits) page(w http.ResponseWriter, r *http.Request, greeting, release string) {
	ctx, cancel := context.WithTimeout(r.Context(), queryTime)
	defer cancel()
	number, err := v.add(ctx, own(r), release)
	var rows []visit
	if err == nil {
		rows, err = v.read(ctx, selectVisits, latest)
	}
	if err != nil {
		v.fail(w, err)
		return
	}
	fmt.Fprintf(w, "%s, visit %d\n", greeting, number) //nolint:gosec // no page, and nothing of the client's
	for _, row := range rows {
		fmt.Fprintln(w, row)
	}
}

// one shows the visit whose number is in the path.
func (v *visits) one(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		http.Error(w, fmt.Sprintf("%q is not the number of a visit", r.PathValue("number")), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), queryTime)
	defer cancel()
	switch rows, err := v.read(ctx, selectVisit, number); {
	case err != nil:
		v.fail(w, err)
	case len(rows) == 0:
		http.Error(w, fmt.Sprintf("there was no visit %d", number), http.StatusNotFound)
	default:
		fmt.Fprintln(w, rows[0])
	}
}

// fail answers that the database does not. What it said is for the log.
func (v *visits) fail(w http.ResponseWriter, err error) {
	v.log.Warn("the database does not answer", "error", err)
	if rdsclient.Refused(err) {
		v.lost(err)
	}
	w.Header().Set("Retry-After", "5")
	http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
}

// openVisits opens the table in the stack's database, and creates it as soon as the database answers. When the password is refused, the
// context that it returns ends.
func openVisits(ctx context.Context, log *slog.Logger) (context.Context, *visits, error) {
	db, err := rdsclient.Open()
	if err != nil {
		return ctx, nil, err
	}
	ctx, lost := context.WithCancelCause(ctx)
	v := &visits{db: db, log: log, lost: lost}
	go func() {
		failed := func(err error) { log.Warn("the database is not ready", "error", err) }
		if err := db.Migrate(ctx, failed, createVisits[db.Postgres]); err != nil {
			lost(err)
			return
		}
		log.Info("the database is ready")
	}()
	return ctx, v, nil
}
