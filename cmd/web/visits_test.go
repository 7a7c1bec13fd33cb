package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/database"
	"github.com/elastic-service/elastic-service/internal/ca"
	"github.com/elastic-service/elastic-service/internal/rdsclient"
)

// served starts a database at an address, and tells the environment of it.
func served(t *testing.T, engine, address string) (*database.Server, database.Spec) {
	t.Helper()
	if _, err := database.Installed(engine); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	authority, err := ca.New("test")
	require.NoError(t, err)
	port := map[string]uint16{"postgres": 5432, "mysql": 3306}[engine]
	spec := database.Spec{
		Engine: engine, Folder: filepath.Join(t.TempDir(), "db"), Address: netip.AddrPortFrom(netip.MustParseAddr(address), port),
		Host: address, Authority: authority, ForceTLS: true, Username: "owner", Password: "first", Name: "shop",
	}
	s, err := database.Start(t.Context(), spec)
	require.NoError(t, err)
	t.Cleanup(s.Kill)
	trust := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(trust, authority.PEM(), 0o600))
	for name, value := range map[string]string{
		"ENGINE": engine, "ADDRESS": address, "PORT": strconv.Itoa(int(port)), "NAME": "shop", "USERNAME": "owner", "PASSWORD": "first",
		"CA": trust,
	} {
		t.Setenv("DATABASE_"+name, value)
	}
	return s, spec
}

func ask(t *testing.T, address string) (status int, body string) {
	t.Helper()
	response, err := http.Get(address)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func TestVisitsAreRowsOfTheDatabase(t *testing.T) {
	for engine, address := range map[string]string{"postgres": "127.78.1.1", "mysql": "127.78.1.2"} {
		t.Run(engine, func(t *testing.T) {
			db, spec := served(t, engine, address)
			lost, v, err := openVisits(t.Context(), slog.New(slog.NewTextHandler(t.Output(), nil)))
			require.NoError(t, err)
			web := httptest.NewServer((&server{release: "7", visits: v}).routes())
			defer web.Close()
			require.Eventually(t, func() bool { status, _ := ask(t, web.URL); return status == http.StatusOK }, 10*time.Second, 20*time.Millisecond)

			status, body := ask(t, web.URL)
			assert.Equal(t, http.StatusOK, status)
			assert.Regexp(t, `^Hello from 127\.0\.0\.1 \(web, release 7\), visit 2\n`+
				`visit 2, 20[0-9TZ:-]+, answered by 127\.0\.0\.1, release 7\nvisit 1, .*\n$`, body)
			for range 9 {
				ask(t, web.URL)
			}
			_, body = ask(t, web.URL)
			assert.Len(t, regexp.MustCompile(`(?m)^visit`).FindAllString(body, -1), latest)
			status, body = ask(t, web.URL+"/visits/1")
			assert.Equal(t, http.StatusOK, status)
			assert.Regexp(t, `^visit 1, .*, answered by 127\.0\.0\.1, release 7\n$`, body)
			status, _ = ask(t, web.URL+"/visits/99")
			assert.Equal(t, http.StatusNotFound, status)
			status, _ = ask(t, web.URL+"/visits/x")
			assert.Equal(t, http.StatusBadRequest, status)

			require.NoError(t, db.SetPassword(t.Context(), "second"))
			status, _ = ask(t, web.URL)
			assert.Equal(t, http.StatusOK, status, "open connections stay")
			require.NoError(t, lost.Err())
			db.Kill()
			status, body = ask(t, web.URL)
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.Equal(t, "the database does not answer\n", body, "and no detail")
			status, _ = ask(t, web.URL+"/ping")
			assert.Equal(t, http.StatusOK, status)
			require.NoError(t, lost.Err(), "it will come back")

			spec.Password = "" // it keeps the second one
			again, err := database.Start(t.Context(), spec)
			require.NoError(t, err)
			defer again.Kill()
			require.Eventually(t, func() bool { ask(t, web.URL); return lost.Err() != nil }, 10*time.Second, 20*time.Millisecond)
			assert.True(t, rdsclient.Refused(context.Cause(lost)), context.Cause(lost))
		})
	}
}

func TestACertificateOfAnotherAuthorityIsRefused(t *testing.T) {
	for engine, address := range map[string]string{"postgres": "127.78.2.1", "mysql": "127.78.2.2"} {
		t.Run(engine, func(t *testing.T) {
			served(t, engine, address)
			t.Setenv("DATABASE_CA", "")
			db, err := rdsclient.Open()
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, db.Close()) })
			require.ErrorContains(t, db.PingContext(t.Context()), "certificate signed by unknown authority")
		})
	}
}

func TestAnEnvironmentThatIsNotComplete(t *testing.T) {
	t.Setenv("DATABASE_ADDRESS", "db.example")
	for _, c := range []struct{ name, value, want string }{
		{"ENGINE", "postgres", "DATABASE_ENGINE is not set"},
		{"NAME", "shop", "DATABASE_NAME is not set"},
		{"USERNAME", "owner", "DATABASE_USERNAME is not set"},
		{"PASSWORD", "secret", "DATABASE_PASSWORD is not set"},
		{"PORT", "5432", `DATABASE_PORT: strconv.ParseUint: parsing "": invalid syntax`},
	} {
		_, err := rdsclient.Open()
		require.EqualError(t, err, c.want)
		t.Setenv("DATABASE_"+c.name, c.value)
	}
	t.Setenv("DATABASE_CA", "/does/not/exist")
	_, err := rdsclient.Open()
	require.ErrorContains(t, err, "DATABASE_CA: open /does/not/exist")
	t.Setenv("DATABASE_CA", os.DevNull)
	_, err = rdsclient.Open()
	require.ErrorContains(t, err, "has no certificate")
}
