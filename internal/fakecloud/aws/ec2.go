// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// apiError is EC2's way of saying no.
type apiError struct {
	status        int
	code, message string
}

func fail(status int, code, format string, args ...any) *apiError {
	return &apiError{status, code, fmt.Sprintf(format, args...)}
}

func isDescribe(op string) bool { return strings.HasPrefix(op, "Describe") }

// EC2 returns the API.
func (w *World) EC2() http.Handler { return http.HandlerFunc(w.serve) }

func (w *World) serve(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	params, err := url.ParseQuery(string(body))
	rq := Request{At: time.Now(), Service: "ec2", Op: params.Get("Action"), Params: params}
	var bad *apiError
	rq.Node, bad = w.authenticate(r, body)
	f := w.fault(rq)
	if !sleep(r, f.Delay) || f.Reset {
		w.record(rq)
		panic(http.ErrAbortHandler)
	}
	if bad == nil && (err != nil || r.Method != http.MethodPost || params.Get("Version") != "2016-11-15") {
		bad = fail(http.StatusBadRequest, "InvalidRequest", "not an EC2 query")
	}
	if bad == nil && f.Status != 0 {
		bad = fail(f.Status, f.Code, "%s", f.Message)
	}
	if f.Late > 0 && bad == nil {
		time.AfterFunc(f.Late, func() { w.perform(&rq, f) })
		panic(http.ErrAbortHandler)
	}
	var result any
	if bad == nil {
		result, bad = w.perform(&rq, f)
	} else {
		rq.Status, rq.Code = bad.status, bad.code
		w.record(rq)
	}
	if f.DropReply {
		panic(http.ErrAbortHandler)
	}
	w.reply(rw, rq, f, result, bad)
}

// perform carries a request out and records it.
func (w *World) perform(rq *Request, f Fault) (any, *apiError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	result, bad := w.dispatch(rq, f)
	rq.Status = http.StatusOK
	if bad != nil {
		rq.Status, rq.Code = bad.status, bad.code
	}
	w.requests = append(w.requests, *rq)
	return result, bad
}

func (w *World) reply(rw http.ResponseWriter, rq Request, f Fault, result any, bad *apiError) {
	w.mu.Lock()
	w.serial++
	id := fmt.Sprintf("req-%d", w.serial)
	w.mu.Unlock()
	h := rw.Header()
	h.Set("X-Amzn-Requestid", id)
	h.Set("Content-Type", "text/xml;charset=UTF-8")
	h.Set("Date", time.Now().Add(w.Skew).UTC().Format(http.TimeFormat))
	switch {
	case f.Body != "":
		rw.WriteHeader(max(f.Status, http.StatusOK))
		_, _ = io.WriteString(rw, f.Body)
	case bad != nil:
		rw.WriteHeader(bad.status)
		_, _ = fmt.Fprintf(rw, "<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>",
			bad.code, escape(bad.message), id)
	default:
		inner, err := xml.Marshal(result)
		if err != nil {
			panic(err)
		}
		name := rq.Op + "Response"
		_, _ = fmt.Fprintf(rw, `<%s xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>%s</requestId>%s</%s>`, name, id, inner, name)
	}
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return err.Error()
	}
	return b.String()
}

// dispatch carries an authorised request out. The caller holds the lock.
func (w *World) dispatch(rq *Request, f Fault) (any, *apiError) {
	if bad := w.throttled(rq); bad != nil {
		return nil, bad
	}
	if isDescribe(rq.Op) {
		return w.describe(rq.Op, rq.Params, w.at(f.Stale))
	}
	ops := map[string]func(url.Values) (any, func(), *apiError){
		"AssignPrivateIpAddresses": w.assignV4,
		"AssignIpv6Addresses":      w.assignV6,
		"UnassignIpv6Addresses":    w.unassignV6,
		"AssociateAddress":         w.associateAddress,
		"ReplaceRoute":             w.replaceRoute,
		"CreateRoute":              w.createRoute,
	}
	op := ops[rq.Op]
	if op == nil {
		return nil, fail(http.StatusBadRequest, "InvalidAction", "The action %s is not valid", rq.Op)
	}
	if rq.DryRun() {
		if rq.Op == "AssignPrivateIpAddresses" || strings.HasSuffix(rq.Op, "Ipv6Addresses") {
			return nil, fail(http.StatusBadRequest, "UnknownParameter", "The parameter DryRun is not recognized")
		}
		return nil, fail(http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	result, change, bad := op(rq.Params)
	if bad == nil {
		rq.Changed = true
		w.change(change)
	}
	return result, bad
}
