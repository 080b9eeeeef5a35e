// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The signer that checks the signatures is the SDK's own. That it signs as the
// vendor specifies is shown by the first two vectors of the published suite.
func TestScenario49_SigV4PublishedVectors(t *testing.T) {
	creds := awssdk.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	empty := sha256.Sum256(nil)
	for method, want := range map[string]string{
		http.MethodGet:  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		http.MethodPost: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
	} {
		r, err := http.NewRequest(method, "https://example.amazonaws.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hex.EncodeToString(empty[:]), "service", "us-east-1", at); err != nil {
			t.Fatal(err)
		}
		_, headers, signature, ok := authorization(r.Header.Get("Authorization"))
		if !ok || headers != "host;x-amz-date" || signature != want {
			t.Errorf("%s: %s", method, r.Header.Get("Authorization"))
		}
	}
}

const query = "Action=DescribeNetworkInterfaces&Version=2016-11-15&Filter.1.Name=subnet-id&Filter.1.Value.1=subnet-0"

func TestSignatureIsChecked(t *testing.T) {
	sign := func(r *http.Request, k key, region string, at time.Time) {
		sum := sha256.Sum256([]byte(query))
		creds := awssdk.Credentials{AccessKeyID: k.id, SecretAccessKey: k.secret, SessionToken: k.session}
		if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hex.EncodeToString(sum[:]), "ec2", region, at); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		key    func(*key)
		region string
		skew   time.Duration
		spoil  func(*http.Request)
		code   string
	}{
		"good":          {},
		"four minutes":  {skew: -4 * time.Minute},
		"wrong secret":  {key: func(k *key) { k.secret += "x" }, code: "AuthFailure"},
		"unknown key":   {key: func(k *key) { k.id = "AKIAOTHER" }, code: "AuthFailure"},
		"wrong session": {key: func(k *key) { k.session = "x" }, code: "ExpiredToken"},
		"wrong region":  {region: "us-east-1", code: "AuthFailure"},
		"six minutes":   {skew: 6 * time.Minute, code: "RequestExpired"},
		"unsigned":      {spoil: func(r *http.Request) { r.Header.Del("Authorization") }, code: "MissingAuthenticationToken"},
		"other body": {spoil: func(r *http.Request) {
			body := strings.Replace(query, "subnet-0", "subnet-9", 1)
			r.Body = io.NopCloser(bytes.NewReader([]byte(body)))
		}, code: "AuthFailure"},
		"other host": {spoil: func(r *http.Request) { r.Host = "ec2.us-east-1.amazonaws.com" }, code: "AuthFailure"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := New()
				n := w.AddNode("a", "10.0.0.2")
				w.mu.Lock()
				k := n.mint()
				w.mu.Unlock()
				if tc.key != nil {
					tc.key(&k)
				}
				if tc.region == "" {
					tc.region = Region
				}
				r, err := http.NewRequest(http.MethodPost, "https://ec2."+Region+".amazonaws.com/", strings.NewReader(query))
				if err != nil {
					t.Fatal(err)
				}
				sign(r, k, tc.region, time.Now().Add(tc.skew))
				if tc.spoil != nil {
					tc.spoil(r)
				}
				resp, err := n.Transport().RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(resp.Body)
				if ok := strings.Contains(string(body), "eni-a0"); ok != (tc.code == "") || !strings.Contains(string(body), tc.code) {
					t.Errorf("%d %s", resp.StatusCode, body)
				}
			})
		})
	}
}
