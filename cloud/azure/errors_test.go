// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/govrrp/vrrpd/cloud"
)

func TestClassify(t *testing.T) {
	simple := func(code, message string) string {
		return fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)
	}
	detailed := func(code, detail, message string) string {
		return fmt.Sprintf(`{"error":{"code":%q,"message":"m","details":[{"code":%q,"message":%q}]}}`, code, detail, message)
	}
	for name, c := range map[string]struct {
		status     int
		body       string
		retryAfter string
		class      cloud.Class
		hint       time.Duration
		permission string
	}{
		"etag":           {412, detailed("PreconditionFailed", "PreconditionFailedEtagMismatch", "no"), "", cloud.ClassConflict, 0, ""},
		"etag, no body":  {412, "", "", cloud.ClassConflict, 0, ""},
		"superseded":     {409, simple("CanceledAndSupersededDueToAnotherOperation", "x"), "", cloud.ClassConflict, 0, ""},
		"busy":           {429, detailed("RetryableError", "RetryableErrorDueToAnotherOperation", "The call can be retried in 11 seconds."), "", cloud.ClassBusy, 11 * time.Second, ""},
		"busy, header":   {429, simple("RetryableError", "x"), "3", cloud.ClassBusy, 3 * time.Second, ""},
		"not ready":      {400, simple("ReferencedResourceNotProvisioned", "x"), "", cloud.ClassBusy, 0, ""},
		"throttled":      {429, simple("SubscriptionRequestsThrottled", "x"), "17", cloud.ClassThrottle, 17 * time.Second, ""},
		"throttled html": {429, "<html>", "2", cloud.ClassThrottle, 2 * time.Second, ""},
		"token":          {401, simple("ExpiredAuthenticationToken", "x"), "", cloud.ClassCredentials, 0, ""},
		"denied": {
			403, simple("AuthorizationFailed", "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Network/routeTables/routes/write' over scope '/subscriptions/x' or the scope is invalid."),
			"", cloud.ClassDenied, 0, "Microsoft.Network/routeTables/routes/write",
		},
		"linked": {
			403, simple("LinkedAuthorizationFailed", "The client 'c' has permission to perform action 'Microsoft.Network/networkInterfaces/write' on scope 's'; however, it does not have permission to perform action(s) 'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) 'n' (respectively)."),
			"", cloud.ClassDenied, 0, "Microsoft.Network/virtualNetworks/subnets/join/action",
		},
		"occupied":     {400, simple("PrivateIPAddressIsAllocated", "x"), "", cloud.ClassOccupied, 0, ""},
		"quota":        {400, simple("PublicIPCountLimitReached", "x"), "", cloud.ClassLimit, 0, ""},
		"absent":       {404, simple("ResourceNotFound", "x"), "", cloud.ClassAbsent, 0, ""},
		"malformed":    {400, simple("InvalidRequestFormat", "x"), "", cloud.ClassInvalid, 0, ""},
		"not Azure":    {400, "<html>", "", cloud.ClassUnknown, 0, ""},
		"server error": {500, simple("InternalServerError", "x"), "", cloud.ClassUnknown, 0, ""},
		"gateway":      {502, "<html>", "", cloud.ClassUnknown, 0, ""},
		"timeout":      {408, "", "", cloud.ClassUnknown, 0, ""},
	} {
		resp := &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewBufferString(c.body))}
		resp.Header.Set("x-ms-correlation-request-id", "id-1")
		if c.retryAfter != "" {
			resp.Header.Set("Retry-After", c.retryAfter)
		}
		err := toError("op", fmt.Errorf("wrapped: %w", &azcore.ResponseError{StatusCode: c.status, RawResponse: resp}))
		var e *cloud.Error
		if !errors.As(err, &e) || e.Class != c.class || e.Hint != c.hint || e.Permission != c.permission || e.RequestID != "id-1" || e.Status != c.status {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestClassifyOperation(t *testing.T) {
	for code, want := range map[string]cloud.Class{
		"CanceledAndSupersededDueToAnotherOperation": cloud.ClassConflict, "Canceled": cloud.ClassConflict,
		"RetryableError": cloud.ClassBusy, "InternalServerError": cloud.ClassUnknown, "Failed": cloud.ClassUnknown,
		"PrivateIPAddressIsAllocated": cloud.ClassOccupied,
	} {
		if e := refusal("op", 0, errorBody{Code: code}, nil); e.Class != want {
			t.Errorf("%s: %s, want %s", code, e.Class, want)
		}
	}
}

func TestFenceKeepsItsError(t *testing.T) {
	if got := toError("op", fmt.Errorf("send: %w", cloud.ErrFenced)); cloud.ClassOf(got) != cloud.ClassFenced {
		t.Error(got)
	}
	if got := toError("op", io.ErrUnexpectedEOF); cloud.ClassOf(got) != cloud.ClassUnknown {
		t.Error(got)
	}
	if toError("op", nil) != nil {
		t.Error("an error out of nothing")
	}
}

func FuzzEdit(f *testing.F) {
	f.Add([]byte(`{"a":1,"properties":{"x":[1,2],"ipConfigurations":[]},"b":12345678901234567890}`))
	f.Add([]byte(`{"properties":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			_, _ = parseObject(raw) // must not panic
			return
		}
		out, err := edit(raw, []string{"properties"}, func(o object) (object, error) {
			return o.with("ipConfigurations", json.RawMessage("[]")), nil
		})
		if err != nil {
			return
		}
		before, _ := parseObject(raw)
		after, err := parseObject(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		for i, m := range before {
			if m.key != "properties" && (after[i].key != m.key || !bytes.Equal(after[i].value, m.value)) {
				t.Errorf("%q became %q", raw, out)
			}
		}
	})
}

func TestParseFailsClosed(t *testing.T) {
	for _, raw := range []string{
		`{}`, `{"id":"/x","etag":"e"}`, `{"id":"/x","etag":"e","properties":{}}`, `{"id":"/x","properties":{"ipConfigurations":[{"name":"a","properties":{}}]}}`,
		`{"id":"/x","etag":"e","properties":{"ipConfigurations":[null]}}`, `{"id":"/x","etag":"e","properties":{"ipConfigurations":[{"name":"a"}]}}`, `[]`, `null`, `{"id":`,
	} {
		if n, err := parseNIC(json.RawMessage(raw)); err == nil || cloud.ClassOf(err) != cloud.ClassUnknown {
			t.Errorf("%s: %+v, %v", raw, n, err)
		}
	}
	for _, raw := range []string{
		`{}`, `{"id":"/x","etag":"e"}`, `{"id":"/x","properties":{"routes":[]}}`, `null`,
		`{"id":"/x","etag":"e","properties":{"routes":[{"name":"r"}]}}`, `{"id":"/x","etag":"e","properties":{"routes":[null]}}`,
		`{"id":"/x","etag":"e","properties":{"routes":[{"name":"r","properties":{"addressPrefix":"10.0.0.0/8"}}]}}`,
	} {
		if v, err := parseTable(json.RawMessage(raw)); err == nil || cloud.ClassOf(err) != cloud.ClassUnknown {
			t.Errorf("%s: %+v, %v", raw, v, err)
		}
	}
}

func TestOptions(t *testing.T) {
	const id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/n"
	for _, bad := range []Options{
		{Endpoint: "http://192.0.2.1"}, {MetadataEndpoint: "169.254.169.254"}, {NICs: []string{"n"}}, {PeerNICs: []string{id, "/x"}},
	} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v accepted", bad)
		}
	}
	if _, err := New(Options{Endpoint: "http://127.0.0.1:1/", NICs: []string{id}}); err != nil {
		t.Error(err)
	}
}

func TestMatchAction(t *testing.T) {
	for _, c := range []struct {
		pattern, action string
		want            bool
	}{
		{"*", "a/b", true},
		{"*/read", "m/n/read", true},
		{"*/read", "m/n/write", false},
		{"m/*/read", "m/n/read", true},
		{"m/*/x/*", "m/n/x/y", true},
		{"m/*/x/*", "m/n/y", false},
		{"m/n", "m/n", true},
		{"m/n", "m/nn", false},
		{"ab*ba", "aba", false},
	} {
		if got := matchAction(c.pattern, c.action); got != c.want {
			t.Errorf("%s, %s: %t", c.pattern, c.action, got)
		}
	}
	r := role{Actions: []string{"*"}, NotActions: []string{"microsoft.authorization/*/write"}}
	if !r.permits("Microsoft.Network/x/write") || r.permits("Microsoft.Authorization/roles/write") {
		t.Error("notActions")
	}
}
