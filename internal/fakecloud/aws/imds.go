// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const role = "vrrpd"

// Metadata returns the node's metadata service. It refuses version 1.
func (n *Node) Metadata() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rq := Request{At: time.Now(), Node: n.Name, Service: "metadata", Op: r.Method + " " + r.URL.Path}
		f := n.w.fault(rq)
		if !sleep(r, f.Delay) || f.Reset {
			n.w.record(rq)
			panic(http.ErrAbortHandler)
		}
		status, body := n.answer(rw, r, f)
		rq.Status = status
		n.w.record(rq)
		if f.DropReply {
			panic(http.ErrAbortHandler)
		}
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(body))
	})
}

const ttlHeader = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"

func (n *Node) answer(rw http.ResponseWriter, r *http.Request, f Fault) (int, string) {
	if f.Status != 0 {
		return f.Status, f.Body
	}
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	if r.URL.Path == "/latest/api/token" {
		ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
		if r.Method != http.MethodPut || err != nil || ttl < 1 || ttl > 21600 || r.Header.Get("X-Forwarded-For") != "" {
			return http.StatusBadRequest, ""
		}
		if n.w.TokenLife > 0 {
			ttl = int(n.w.TokenLife / time.Second)
		}
		n.minted++
		token := fmt.Sprintf("token-%s-%d", n.Name, n.minted)
		n.tokens[token] = time.Now().Add(time.Duration(ttl) * time.Second)
		// The client is told what it asked for: that a session may end
		// earlier is the point of TokenLife.
		rw.Header().Set(ttlHeader, r.Header.Get(ttlHeader))
		return http.StatusOK, token
	}
	end, ok := n.tokens[r.Header.Get("X-Aws-Ec2-Metadata-Token")]
	if !ok || !time.Now().Before(end) {
		return http.StatusUnauthorized, ""
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/latest/")
	if body, found := n.lookup(path); ok && found && r.Method == http.MethodGet {
		return http.StatusOK, body
	}
	return http.StatusNotFound, ""
}

// lookup answers one path. The caller holds the lock.
func (n *Node) lookup(path string) (string, bool) {
	switch path {
	case "dynamic/instance-identity/document":
		return asJSON(map[string]string{
			"accountId": Account, "instanceId": n.Instance, "region": Region, "availabilityZone": Region + "a",
		}), true
	case "meta-data/mac":
		return n.w.now.enis[n.enis[0]].mac, true
	case "meta-data/network/interfaces/macs/":
		var macs []string
		for _, id := range n.enis {
			macs = append(macs, n.w.now.enis[id].mac+"/")
		}
		return strings.Join(macs, "\n"), true
	case "meta-data/iam/security-credentials/":
		return role, true
	case "meta-data/iam/security-credentials/" + role:
		k := n.mint()
		return asJSON(map[string]string{
			"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": time.Now().UTC().Format(time.RFC3339),
			"AccessKeyId": k.id, "SecretAccessKey": k.secret, "Token": k.session,
			"Expiration": k.expires.UTC().Format(time.RFC3339),
		}), true
	}
	rest, ok := strings.CutPrefix(path, "meta-data/network/interfaces/macs/")
	mac, leaf, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 {
		return "", false
	}
	for _, id := range n.enis {
		if n.w.now.enis[id].mac == mac {
			return n.w.leaf(id, leaf)
		}
	}
	return "", false
}

func (w *World) leaf(id, leaf string) (string, bool) {
	e, lagging := w.now.enis[id], w.at(w.MetadataLag).enis[id]
	if lagging == nil {
		lagging = e
	}
	switch leaf {
	case "interface-id":
		return e.id, true
	case "subnet-id":
		return e.subnet, true
	case "vpc-id":
		return VPC, true
	case "owner-id":
		return Account, true
	case "subnet-ipv4-cidr-block":
		return v4Range(e.v4[0]), true
	case "subnet-ipv6-cidr-blocks":
		return v6Range(e.subnet), true
	case "local-ipv4s":
		return strings.Join(lagging.v4, "\n"), true
	case "ipv6s":
		return strings.Join(lagging.v6, "\n"), len(lagging.v6) > 0
	default:
		return "", false
	}
}

func v4Range(a string) string { return a[:strings.LastIndex(a, ".")] + ".0/24" }

func v6Range(subnet string) string {
	return "2001:db8:" + strings.TrimPrefix(subnet, "subnet-") + "::/64"
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// MetadataRequests returns the operations the metadata service was asked for.
func (w *World) MetadataRequests() []string {
	var ops []string
	for _, r := range w.Requests() {
		if r.Service == "metadata" {
			ops = append(ops, r.Op)
		}
	}
	return slices.Clip(ops)
}
