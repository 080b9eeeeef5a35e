// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-fed/httpsig"

	"github.com/govrrp/vrrpd/internal/fakecloud"
)

// Instance is a machine: a principal, with its own metadata service.
type Instance struct {
	ID, Name string

	cloud *Cloud
	vnics []*vnic
	key   *rsa.PrivateKey
	cert  []byte // DER

	rotations int
}

// testKey returns one of four keys that the fakes of a process share: making
// them anew for each test takes longer than the tests.
func testKey(n int) *rsa.PrivateKey { return testKeys()[n%4] }

var testKeys = sync.OnceValue(func() [4]*rsa.PrivateKey {
	var keys [4]*rsa.PrivateKey
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

type token struct {
	principal string
	key       *rsa.PublicKey
	expires   time.Time
}

const tenancy = "ocid1.tenancy.oc1..0001"

// AddInstance adds a machine with a certificate of its own.
func (c *Cloud) AddInstance(name string) *Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := &Instance{ID: c.ocid("instance"), Name: name, cloud: c}
	c.instances[name] = i
	i.rotate()
	return i
}

// MetadataURL is where the machine finds its metadata service.
func (i *Instance) MetadataURL() string { return i.cloud.URL + "/imds/" + i.Name + "/opc/v2" }

// Rotate replaces the machine's certificate; tokens stay valid.
func (i *Instance) Rotate() {
	i.cloud.mu.Lock()
	defer i.cloud.mu.Unlock()
	i.rotate()
}

func (i *Instance) rotate() {
	i.rotations++
	key := testKey(len(i.cloud.instances)%2*2 + i.rotations%2)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject: pkix.Name{CommonName: i.ID, OrganizationalUnit: []string{
			"opc-certtype:instance", "opc-instance:" + i.ID, "opc-tenant:" + tenancy,
		}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	i.key, i.cert = key, der
}

// AddAPIKey lets requests that are signed with a user's key pass as the
// instance's own. The key id is tenancy/user/fingerprint.
func (c *Cloud) AddAPIKey(i *Instance, keyID string, key *rsa.PublicKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[keyID] = &token{i.ID, key, c.now().Add(24 * time.Hour)}
}

// RevokeTokens makes every issued token invalid.
func (c *Cloud) RevokeTokens() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens = map[string]*token{}
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// metadata answers one request to an instance's metadata service.
func (c *Cloud) metadata(w http.ResponseWriter, r *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/imds/"), "/opc/v2/")
	c.Serve(w, r, fakecloud.Call{Op: "metadata", Resource: path}, func(fakecloud.Fault) fakecloud.Reply {
		c.mu.Lock()
		defer c.mu.Unlock()
		i := c.instances[name]
		if r.Header.Get("Authorization") != "Bearer Oracle" || r.Method != http.MethodGet || i == nil {
			return fakecloud.Reply{Status: http.StatusForbidden}
		}
		switch path {
		case "instance/":
			return reply(200, "", map[string]any{
				"id": i.ID, "displayName": i.Name, "compartmentId": "ocid1.compartment.oc1..0001",
				"canonicalRegionName": "eu-frankfurt-1", "regionInfo": map[string]string{"realmDomainComponent": "oraclecloud.com"},
			})
		case "vnics/":
			return reply(200, "", c.metadataVNICs(i))
		case "identity/cert.pem", "identity/intermediate.pem":
			return fakecloud.Reply{Status: 200, Body: pemOf("CERTIFICATE", i.cert)}
		case "identity/key.pem":
			return fakecloud.Reply{Status: 200, Body: pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(i.key))}
		default:
			return fakecloud.Reply{Status: http.StatusNotFound}
		}
	})
}

func (c *Cloud) metadataVNICs(i *Instance) []map[string]any {
	out := []map[string]any{}
	for n, v := range i.vnics {
		s := c.subnets[v.subnet]
		m := map[string]any{
			"vnicId": v.id, "privateIp": v.ip, "macAddr": strings.ToUpper(v.mac),
			"subnetCidrBlock": s.cidr, "nicIndex": n, "vlanTag": n,
		}
		if s.cidr6 != "" {
			m["ipv6SubnetCidrBlock"] = s.cidr6
		}
		out = append(out, m)
	}
	return out
}

// federate answers the exchange of a certificate for a token.
func (c *Cloud) federate(w http.ResponseWriter, r *http.Request, body []byte) {
	c.Serve(w, r, fakecloud.Call{Op: "x509", Body: string(body)}, func(fakecloud.Fault) fakecloud.Reply {
		c.mu.Lock()
		defer c.mu.Unlock()
		var rq struct {
			Certificate, PublicKey, FingerprintAlgorithm string
			IntermediateCertificates                     []string
		}
		if err := json.Unmarshal(body, &rq); err != nil || rq.FingerprintAlgorithm != "SHA256" || len(rq.IntermediateCertificates) == 0 {
			return c.Refuse(400, "InvalidParameter", "not a federation request")
		}
		i, key, err := c.vouched(r, body, rq.Certificate, rq.PublicKey)
		if err != nil {
			return c.Refuse(401, "NotAuthenticated", err.Error())
		}
		life := c.TokenLife
		if life == 0 {
			life = 20 * time.Minute
		}
		c.serial++
		exp := c.now().Add(life)
		text := jwt(map[string]any{"sub": i.ID, "jti": c.serial, "exp": exp.Unix()})
		c.tokens[text] = &token{i.ID, key, exp}
		return reply(200, "", map[string]string{"token": text})
	})
}

func jwt(claims any) string {
	b, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc(b) + "." + enc([]byte("signature"))
}

// vouched finds the instance whose current certificate signed the request.
func (c *Cloud) vouched(r *http.Request, body []byte, cert64, key64 string) (*Instance, *rsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(cert64)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(der)
	print := strings.ToUpper(hex.EncodeToString(sum[:]))
	for i := 2; i < len(print); i += 3 {
		print = print[:i] + ":" + print[i:]
	}
	for _, i := range c.instances {
		if string(i.cert) != string(der) {
			continue
		}
		id, err := c.verify(r, body, func(id string) (*rsa.PublicKey, error) { return &i.key.PublicKey, nil })
		if err != nil {
			return nil, nil, err
		}
		if want := tenancy + "/fed-x509-sha256/" + print; id != want {
			return nil, nil, fmt.Errorf("key id %q, want %q", id, want)
		}
		spki, err := base64.StdEncoding.DecodeString(key64)
		if err != nil {
			return nil, nil, err
		}
		pub, err := x509.ParsePKIXPublicKey(spki)
		if err != nil {
			return nil, nil, err
		}
		key, ok := pub.(*rsa.PublicKey)
		if !ok {
			return nil, nil, errors.New("not an RSA key")
		}
		return i, key, nil
	}
	return nil, nil, errors.New("certificate of no instance, or of an earlier time")
}

// principal verifies a request to the API and returns who signed it.
func (c *Cloud) principal(r *http.Request, body []byte) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var tok *token
	_, err := c.verify(r, body, func(id string) (*rsa.PublicKey, error) {
		text, _ := strings.CutPrefix(id, "ST$")
		if tok = c.tokens[text]; tok == nil {
			return nil, errors.New("unknown token or key")
		}
		if c.now().After(tok.expires) {
			return nil, errors.New("expired token")
		}
		return tok.key, nil
	})
	if err != nil {
		return "", err
	}
	return tok.principal, nil
}

// verify checks a request's signature, that everything it must cover is
// covered, the hash of its body, and its date. It returns the key id.
func (c *Cloud) verify(r *http.Request, body []byte, key func(id string) (*rsa.PublicKey, error)) (string, error) {
	r = r.Clone(r.Context())
	// The server library takes these out of the headers; they were signed.
	r.Header.Set("Host", r.Host)
	if r.ContentLength >= 0 && r.Method != http.MethodGet {
		r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	v, err := httpsig.NewVerifier(r)
	if err != nil {
		return "", err
	}
	pub, err := key(v.KeyId())
	if err != nil {
		return "", err
	}
	if err := v.Verify(crypto.PublicKey(pub), httpsig.RSA_SHA256); err != nil {
		return "", err
	}
	covered := r.Header.Get("Authorization")
	need := []string{"date", "(request-target)"}
	if r.Method == http.MethodPut || r.Method == http.MethodPost {
		need = append(need, "content-length", "content-type", "x-content-sha256")
		sum := sha256.Sum256(body)
		if got := r.Header.Get("X-Content-Sha256"); got != base64.StdEncoding.EncodeToString(sum[:]) {
			return "", errors.New("the hash of the body does not match")
		}
	}
	for _, h := range need {
		if !strings.Contains(covered, h) {
			return "", fmt.Errorf("%s is not signed", h)
		}
	}
	date, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return "", err
	}
	if skew := c.now().Sub(date).Abs(); skew > 5*time.Minute {
		return "", fmt.Errorf("the clocks are %v apart", skew)
	}
	return v.KeyId(), nil
}
