// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/govrrp/vrrpd/cloud"
)

// keyPair is a key and the id under which the vendor knows it. The two belong
// together: a token is bound to its session key, so they are replaced as one.
type keyPair struct {
	id      cloud.Secret // contains the token, for an instance
	key     *rsa.PrivateKey
	issued  time.Time
	expires time.Time // zero: never
}

// KeyID and PrivateRSAKey implement the SDK's KeyProvider.
func (k *keyPair) KeyID() (string, error)                  { return k.id.Reveal(), nil }
func (k *keyPair) PrivateRSAKey() (*rsa.PrivateKey, error) { return k.key, nil }

// credentials signs requests with the current key pair. It implements the
// SDK's HTTPRequestSigner; unlike the SDK's own, signing never does I/O.
type credentials struct {
	fetch func(ctx context.Context) (*keyPair, error)
	now   func() time.Time

	mu    sync.Mutex
	pair  *keyPair
	fetcm sync.Mutex // one fetch at a time
}

var errNoCredentials = errors.New("no credentials yet")

// Sign signs a request with a consistent snapshot of key and id.
func (c *credentials) Sign(r *http.Request) error {
	c.mu.Lock()
	pair := c.pair
	c.mu.Unlock()
	if pair == nil {
		return errNoCredentials
	}
	return common.DefaultRequestSigner(pair).Sign(r)
}

// ensure fetches credentials if there are none, or none that are valid. Past
// half of their life they are renewed when there is time (renewAt half), so
// that a claim never waits for it; a renewal that fails leaves the old ones.
func (c *credentials) ensure(ctx context.Context, early earliness) error {
	c.fetcm.Lock()
	defer c.fetcm.Unlock()
	c.mu.Lock()
	pair, now := c.pair, c.now()
	c.mu.Unlock()
	valid := pair != nil && (pair.expires.IsZero() || now.Before(pair.expires.Add(-time.Minute)))
	switch {
	case valid && early == whenExpired:
		return nil
	case valid && early == whenHalf && (pair.expires.IsZero() || now.Sub(pair.issued) < pair.expires.Sub(pair.issued)/2):
		return nil
	}
	fresh, err := c.fetch(ctx)
	if err != nil {
		if valid && early == whenHalf {
			return nil
		}
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pair = fresh
	return nil
}

type earliness uint8

const (
	whenExpired earliness = iota
	whenHalf
	always
)

// fromFile returns the source of a configuration file's key, which never
// expires, or of a session token profile.
func fromFile(p common.ConfigurationProvider) func(context.Context) (*keyPair, error) {
	return func(context.Context) (*keyPair, error) {
		id, err := p.KeyID()
		if err != nil {
			return nil, &cloud.Error{Class: cloud.ClassCredentials, Op: "configuration file", Err: err}
		}
		key, err := p.PrivateRSAKey()
		if err != nil {
			return nil, &cloud.Error{Class: cloud.ClassCredentials, Op: "configuration file", Err: err}
		}
		return &keyPair{id: cloud.Secret(id), key: key}, nil
	}
}

// federation gets tokens for an instance: the certificate from its metadata
// service vouches for a fresh session key.
type federation struct {
	metadata *metadataClient
	http     common.HTTPRequestDispatcher
	endpoint func(ctx context.Context) (string, error)
	now      func() time.Time
}

func (f *federation) fetch(ctx context.Context) (*keyPair, error) {
	const op = "x509 federation"
	fail := func(err error) error {
		var e *cloud.Error
		if errors.As(err, &e) {
			return err
		}
		return &cloud.Error{Class: cloud.ClassCredentials, Op: op, Err: err}
	}
	leaf, intermediate, err := f.certificates(ctx)
	if err != nil {
		return nil, fail(err)
	}
	session, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fail(err)
	}
	endpoint, err := f.endpoint(ctx)
	if err != nil {
		return nil, fail(err)
	}
	token, err := f.exchange(ctx, endpoint, leaf, intermediate, session)
	if err != nil {
		return nil, fail(err)
	}
	expires, err := expiry(token)
	if err != nil {
		return nil, fail(err)
	}
	return &keyPair{id: "ST$" + token, key: session, issued: f.now(), expires: expires}, nil
}

// certificates reads the instance's certificate with its key, and what vouches
// for it.
func (f *federation) certificates(ctx context.Context) (leaf tls.Certificate, intermediate []byte, err error) {
	var files [3][]byte
	for i, name := range []string{"cert", "key", "intermediate"} {
		if files[i], err = f.metadata.get(ctx, "/identity/"+name+".pem"); err != nil {
			return leaf, nil, err
		}
	}
	leaf, err = tls.X509KeyPair(files[0], files[1])
	if err != nil {
		// The parser's message may quote its input, which holds the key.
		return leaf, nil, errors.New("the instance's certificate and key do not fit; they may be rotating")
	}
	if _, ok := leaf.PrivateKey.(*rsa.PrivateKey); !ok {
		return leaf, nil, errors.New("the instance's key is not an RSA key")
	}
	block, _ := pem.Decode(files[2])
	if block == nil {
		return leaf, nil, errors.New("the intermediate certificate is not PEM")
	}
	return leaf, block.Bytes, nil
}

type federationRequest struct {
	Certificate   string   `json:"certificate"`
	PublicKey     string   `json:"publicKey"`
	Intermediates []string `json:"intermediateCertificates"`
	Fingerprint   string   `json:"fingerprintAlgorithm"`
	Purpose       string   `json:"purpose"`
}

// exchange asks for a token, signed with the certificate's key.
func (f *federation) exchange(ctx context.Context, endpoint string, leaf tls.Certificate, intermediate []byte, session *rsa.PrivateKey) (cloud.Secret, error) {
	tenancy, err := tenancyOf(leaf)
	if err != nil {
		return "", err
	}
	public, err := x509.MarshalPKIXPublicKey(&session.PublicKey)
	if err != nil {
		return "", err
	}
	client := common.DefaultBaseClientWithSigner(common.RequestSigner(
		&keyPair{
			id:  cloud.Secret(tenancy + "/fed-x509-sha256/" + fingerprint(leaf.Certificate[0])),
			key: leaf.PrivateKey.(*rsa.PrivateKey),
		},
		[]string{"date", "(request-target)"}, common.DefaultBodyHeaders(),
	))
	client.Host, client.BasePath, client.HTTPClient = endpoint, "v1/x509", f.http
	client.Configuration.CircuitBreaker = nil
	b64 := base64.StdEncoding.EncodeToString
	rq, err := jsonRequest(http.MethodPost, "", federationRequest{
		Certificate: b64(leaf.Certificate[0]), PublicKey: b64(public),
		Intermediates: []string{b64(intermediate)}, Fingerprint: "SHA256", Purpose: "DEFAULT",
	})
	if err != nil {
		return "", err
	}
	resp, err := client.Call(ctx, &rq)
	defer common.CloseBodyIfValid(resp)
	if err != nil {
		return "", toError("x509 federation", err)
	}
	var reply struct {
		Token cloud.Secret `json:"token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil || reply.Token == "" {
		return "", errors.New("no token in the reply")
	}
	return reply.Token, nil
}

// fingerprint is the vendor's way to write a certificate's SHA-256.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	text := strings.ToUpper(hex.EncodeToString(sum[:]))
	var b strings.Builder
	for i := 0; i < len(text); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(text[i : i+2])
	}
	return b.String()
}

// tenancyOf reads the tenancy from the certificate's subject.
func tenancyOf(leaf tls.Certificate) (string, error) {
	cert, err := x509.ParseCertificate(leaf.Certificate[0])
	if err != nil {
		return "", fmt.Errorf("the instance's certificate: %w", err)
	}
	for _, name := range cert.Subject.Names {
		text, _ := name.Value.(string)
		for _, prefix := range []string{"opc-tenant:", "opc-identity:"} {
			if t, ok := strings.CutPrefix(text, prefix); ok {
				return t, nil
			}
		}
	}
	return "", errors.New("the instance's certificate names no tenancy")
}

// expiry reads when a token ends. The token is not verified: it is the
// vendor's business whether to accept it.
func expiry(token cloud.Secret) (time.Time, error) {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return time.Time{}, errors.New("the token is not a JWT")
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}, errors.New("the token is not a JWT")
	}
	var c struct {
		Exp int64 `json:"exp"`
	}
	if err := json.Unmarshal(claims, &c); err != nil || c.Exp == 0 {
		return time.Time{}, errors.New("the token does not say when it ends")
	}
	return time.Unix(c.Exp, 0), nil
}
