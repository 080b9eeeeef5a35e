// SPDX-License-Identifier: Apache-2.0

package control_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/control"
)

// ask sends one request to a handler and returns code and body.
func ask(t *testing.T, b control.Backend, method, path, body string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	control.Handler(b).ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	out, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(out)
}

func TestAnswers(t *testing.T) {
	refused := fmt.Errorf("%w: priority 300", control.ErrRejected)
	for _, c := range []struct {
		name, method, path, body string
		err                      error
		code                     int
		says                     string
	}{
		{"status", "GET", "/v1/status", "", nil, 200, `"node": "r1"`},
		{"status fails", "GET", "/v1/status", "", errors.New("stopped"), 500, `"error": "stopped"`},
		{"decisions", "GET", "/v1/instances/VI_1/decisions", "", nil, 200, `"what": "transition"`},
		{"decisions of nobody", "GET", "/v1/instances/VI_9/decisions", "", nil, 404, `"error": "no instance \"VI_9\": not found"`},
		{"reload", "POST", "/v1/reload", "{}", nil, 200, "line 3"},
		{"reload without a body, as curl -X POST does", "POST", "/v1/reload", "", nil, 200, "line 3"},
		{"reload refused, with what was found", "POST", "/v1/reload", "{}", refused, 409, `"detail": [`},
		{"failover", "POST", "/v1/failover", `{"name":"VI_1","seconds":2.5}`, nil, 200, "{}"},
		{"unknown command", "POST", "/v1/explode", "{}", nil, 404, "explode"},
		{"a body that is not JSON", "POST", "/v1/failover", "name=VI_1", nil, 400, `"error"`},
		{"a wrong type", "POST", "/v1/failover", `{"seconds":"2"}`, nil, 400, `"error"`},
		{"too long a body", "POST", "/v1/failover", `{"name":"` + strings.Repeat("x", 1<<17) + `"}`, nil, 400, `"error"`},
		{"no such page", "GET", "/v2/status", "", nil, 404, ""},
		{"a command is no page", "GET", "/v1/reload", "", nil, 405, ""},
		{"a page is no command", "POST", "/v1/status", "{}", nil, 404, "status"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, body := ask(t, &backend{status: full(), err: c.err}, c.method, c.path, c.body)
			if code != c.code || !strings.Contains(body, c.says) {
				t.Errorf("%d %s, want %d with %q", code, body, c.code, c.says)
			}
		})
	}
}

func TestCommandArrives(t *testing.T) {
	b := &backend{status: full()}
	ask(t, b, "POST", "/v1/failover", `{"name":"VI_1","seconds":2.5,"verb":"reload"}`)
	if want := (control.Command{Verb: "failover", Name: "VI_1", Seconds: 2.5}); !reflect.DeepEqual(b.got, want) {
		t.Errorf("%+v, want %+v", b.got, want)
	}
}

func TestContentType(t *testing.T) {
	w := httptest.NewRecorder()
	control.Handler(&backend{status: full()}).ServeHTTP(w, httptest.NewRequest("POST", "/v1/reload", strings.NewReader("?")))
	if got := w.Header().Get("Content-Type"); w.Code != http.StatusBadRequest || got != "application/json" {
		t.Errorf("%d with %s", w.Code, got)
	}
}

// serve runs a daemon on a socket of its own until the test ends.
func serve(t *testing.T, b control.Backend) (path string) {
	t.Helper()
	path = t.TempDir() + "/run/vrrpd.sock"
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- control.Serve(ctx, l, b) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return path
}
