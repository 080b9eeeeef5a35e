// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// maxSkew is how far the client's clock may be off.
const maxSkew = 5 * time.Minute

// authenticate recomputes the signature of a request and returns whose it is.
func (w *World) authenticate(r *http.Request, body []byte) (string, *apiError) {
	const denied = http.StatusUnauthorized
	credential, headers, _, ok := authorization(r.Header.Get("Authorization"))
	scope := strings.Split(credential, "/")
	if !ok || len(scope) != 5 {
		return "", fail(denied, "MissingAuthenticationToken", "no AWS4-HMAC-SHA256 authorization")
	}
	w.mu.Lock()
	node, k, found := w.findKey(scope[0])
	w.mu.Unlock()
	if !found {
		return "", fail(denied, "AuthFailure", "AWS was not able to validate the provided access credentials")
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || scope[1] != at.Format("20060102") || scope[2] != Region || scope[3] != "ec2" || scope[4] != "aws4_request" {
		return node.Name, fail(denied, "AuthFailure", "credential scope %s", credential)
	}
	if skew := time.Since(at) + w.Skew; skew.Abs() > maxSkew {
		return node.Name, fail(http.StatusBadRequest, "RequestExpired", "Request has expired.")
	}
	if r.Header.Get("X-Amz-Security-Token") != k.session || time.Now().After(k.expires) {
		return node.Name, fail(http.StatusBadRequest, "ExpiredToken", "The security token is expired or not that of the key")
	}
	again := r.Clone(r.Context())
	again.URL.Scheme, again.URL.Host = "https", r.Host
	again.Header = http.Header{}
	for _, h := range strings.Split(headers, ";") {
		if v := r.Header.Values(h); len(v) > 0 {
			again.Header[http.CanonicalHeaderKey(h)] = v
		}
	}
	for _, must := range []string{"host", "x-amz-date"} {
		if !strings.Contains(";"+headers+";", ";"+must+";") {
			return node.Name, fail(denied, "AuthFailure", "%s is not signed", must)
		}
	}
	sum := sha256.Sum256(body)
	creds := awssdk.Credentials{AccessKeyID: k.id, SecretAccessKey: k.secret, SessionToken: k.session}
	err = v4.NewSigner().SignHTTP(context.WithoutCancel(r.Context()), creds, again, hex.EncodeToString(sum[:]), "ec2", Region, at)
	if err != nil || again.Header.Get("Authorization") != r.Header.Get("Authorization") {
		return node.Name, fail(denied, "AuthFailure", "the signature does not match")
	}
	return node.Name, nil
}

// authorization takes the header apart.
func authorization(h string) (credential, headers, signature string, ok bool) {
	rest, ok := strings.CutPrefix(h, "AWS4-HMAC-SHA256 ")
	if !ok {
		return "", "", "", false
	}
	for _, part := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			headers = value
		case "Signature":
			signature = value
		}
	}
	return credential, headers, signature, credential != "" && headers != "" && signature != ""
}
