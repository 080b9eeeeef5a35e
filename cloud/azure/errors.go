// SPDX-License-Identifier: Apache-2.0

//go:build !noazure

package azure

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/govrrp/vrrpd/cloud"
)

// errorRules turns Resource Manager's replies into classes. Codes are looked
// up from the most particular (error.details) to the most general.
var errorRules = []cloud.Rule{
	{Code: "RetryableErrorDueToAnotherOperation", Class: cloud.ClassBusy},
	{Code: "RetryableError", Class: cloud.ClassBusy},
	{Code: "ReferencedResourceNotProvisioned", Class: cloud.ClassBusy},
	{Code: "AnotherOperationInProgress", Class: cloud.ClassBusy},

	{Code: "PreconditionFailedEtagMismatch", Class: cloud.ClassConflict},
	{Code: "PreconditionFailed", Class: cloud.ClassConflict},
	{Code: "CanceledAndSupersededDueToAnotherOperation", Class: cloud.ClassConflict},
	{Code: "Canceled", Class: cloud.ClassConflict},
	{Code: "OperationPreempted", Class: cloud.ClassConflict},

	{Code: "ExpiredAuthenticationToken", Class: cloud.ClassCredentials},
	{Code: "InvalidAuthenticationToken", Class: cloud.ClassCredentials},
	{Code: "AuthenticationFailed", Class: cloud.ClassCredentials},

	{Code: "LinkedAuthorizationFailed", Class: cloud.ClassDenied},
	{Code: "AuthorizationFailed", Class: cloud.ClassDenied},
	{Code: "RequestDisallowedByPolicy", Class: cloud.ClassDenied},
	{Code: "ScopeLocked", Class: cloud.ClassDenied},

	{Code: "PrivateIPAddressIsAllocated", Class: cloud.ClassOccupied},
	{Code: "PrivateIPAddressInUse", Class: cloud.ClassOccupied},
	{Code: "PublicIPAddressInUse", Class: cloud.ClassOccupied},

	{Status: 412, Class: cloud.ClassConflict},
	{Status: 401, Class: cloud.ClassCredentials},
	{Status: 403, Class: cloud.ClassDenied},
	{Status: 404, Class: cloud.ClassAbsent},
	{Status: 410, Class: cloud.ClassAbsent},
	{Status: 408, Class: cloud.ClassUnknown},
	{Status: 409, Class: cloud.ClassBusy},
	{Status: 429, Class: cloud.ClassThrottle},
}

// errorBody is the vendor's error, in replies and in operations that failed.
type errorBody struct {
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Details []errorBody `json:"details"`
}

// codes lists the codes, the most particular first.
func (e errorBody) codes() []string {
	var out []string
	for _, d := range e.Details {
		out = append(out, d.codes()...)
	}
	return append(out, e.Code)
}

func (e errorBody) text() string {
	parts := []string{}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	for _, d := range e.Details {
		if t := d.text(); t != "" && t != e.Message {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, " ")
}

// classify finds the class and the code that decided it. Status 0 is that of an
// operation that was accepted and failed later.
func classify(status int, e errorBody) (cloud.Class, string) {
	codes := e.codes()
	for _, code := range codes {
		if code == "" {
			continue
		}
		for _, r := range errorRules {
			if r.Code == code {
				return r.Class, code
			}
		}
		if strings.HasSuffix(code, "LimitReached") || strings.HasSuffix(code, "LimitExceeded") || strings.Contains(code, "Quota") {
			return cloud.ClassLimit, code
		}
	}
	if status == 0 {
		return cloud.ClassUnknown, e.Code
	}
	class := cloud.Classify(errorRules, status, "")
	if e.Code == "" && class == cloud.ClassInvalid {
		class = cloud.ClassUnknown // not a reply of the vendor's
	}
	return class, e.Code
}

var (
	retryIn      = regexp.MustCompile(`retried in (\d{1,4}) seconds`)
	deniedAction = regexp.MustCompile(`(?:perform action(?:\(s\))?|action\(s\)) '([A-Za-z.]+/[A-Za-z/]+)'`)
)

// refusal makes an error of what the vendor said.
func refusal(op string, status int, body errorBody, header http.Header) *cloud.Error {
	class, code := classify(status, body)
	e := &cloud.Error{Class: class, Op: op, Code: code, Status: status, Err: errors.New(body.text())}
	if header != nil {
		e.RequestID = requestID(header)
		e.Hint = retryAfter(header)
	}
	if m := retryIn.FindStringSubmatch(body.text()); m != nil && e.Hint == 0 {
		s, _ := strconv.Atoi(m[1]) // four digits at most
		e.Hint = time.Duration(s) * time.Second
	}
	if class == cloud.ClassDenied {
		// A linked failure names the action that is permitted first, and the
		// one that is missing last.
		if m := deniedAction.FindAllStringSubmatch(body.text(), -1); m != nil {
			e.Permission = m[len(m)-1][1]
		}
	}
	return e
}

// toError turns an error of the SDK into one with a class.
func toError(op string, err error) error {
	var known *cloud.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, cloud.ErrFenced) || errors.Is(err, cloud.ErrDryRun) {
		return err
	}
	var re *azcore.ResponseError
	if errors.As(err, &re) && re.RawResponse != nil {
		return replyError(op, re.RawResponse)
	}
	var af *azidentity.AuthenticationFailedError
	if errors.As(err, &af) {
		return credentialError(err, af.RawResponse)
	}
	return &cloud.Error{Op: op, Err: err}
}

// replyError reads the vendor's error from a reply.
func replyError(op string, resp *http.Response) error {
	var body struct {
		Error errorBody `json:"error"`
	}
	raw, err := runtime.Payload(resp)
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	e := refusal(op, resp.StatusCode, body.Error, resp.Header)
	if err != nil || body.Error.Code == "" {
		e.Err = errors.New(http.StatusText(resp.StatusCode))
	}
	return e
}

// credentialError is a token that was not issued. The service answers 404, 410,
// 429 and 5xx while it is starting up or busy.
func credentialError(err error, resp *http.Response) error {
	e := &cloud.Error{Class: cloud.ClassCredentials, Op: "token", Err: err}
	if resp == nil {
		e.Class = cloud.ClassUnknown
		return e
	}
	e.Status, e.Hint, e.Err = resp.StatusCode, retryAfter(resp.Header), errors.New("no token was issued")
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests:
		e.Class = cloud.ClassThrottle
	case s == http.StatusNotFound, s == http.StatusGone, s >= 500, s < 400:
		e.Class = cloud.ClassUnknown
	}
	return e
}

func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.Atoi(h.Get("x-ms-retry-after-ms")); err == nil && ms > 0 {
		return time.Duration(min(ms, 3_600_000)) * time.Millisecond
	}
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil && s > 0 {
		return time.Duration(min(s, 3600)) * time.Second
	}
	return 0
}

func requestID(h http.Header) string {
	if id := h.Get("x-ms-correlation-request-id"); id != "" {
		return id
	}
	return h.Get("x-ms-request-id")
}

// errIncomplete is a reply in which a needed member is missing. To take it for
// an empty list would be to believe that nobody holds anything.
var errIncomplete = errors.New("the reply lacks a member that was to be there")

func incomplete(op, member string) error {
	return &cloud.Error{Op: op, Status: http.StatusOK, Err: errors.Join(errIncomplete, errors.New(member))}
}
