// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"
)

// variable is one entry of vars.yml, or one HAENV_ variable.
type variable struct {
	key, value string
	line       int
}

// readVariables reads YAML with simple values, or lines of NAME=VALUE.
func readVariables(src []byte) ([]variable, error) {
	if vars, ok := readEnvironment(string(src)); ok {
		return vars, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		// The text of a YAML error may quote the file, and the file may hold passwords.
		return nil, fmt.Errorf("%w: it is not YAML", ErrSyntax)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%w: it is not a list of KEY: VALUE", ErrSyntax)
	}
	var out []variable
	items := doc.Content[0].Content
	for i := 0; i+1 < len(items); i += 2 {
		v := variable{key: items[i].Value, line: items[i].Line}
		switch items[i+1].Kind {
		case yaml.ScalarNode:
			v.value = items[i+1].Value
		case yaml.SequenceNode:
			for _, e := range items[i+1].Content {
				v.value = strings.TrimSpace(v.value + " " + e.Value)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// readEnvironment reads HAENV_NAME=VALUE lines, with or without export; false if there are none.
func readEnvironment(src string) ([]variable, bool) {
	var out []variable
	for i, text := range strings.Split(src, "\n") {
		text = strings.TrimPrefix(strings.TrimSpace(text), "export ")
		name, value, ok := strings.Cut(strings.TrimPrefix(text, "- "), "=")
		if key, is := strings.CutPrefix(name, "HAENV_"); ok && is {
			out = append(out, variable{strings.ToLower(key), strings.Trim(strings.TrimSpace(value), `"'`), i + 1})
		}
	}
	return out, len(out) > 0
}

// vns3 is what the variables say.
type vns3 struct {
	mode, cloud, sleep                    variable
	me, peer, public, myOverlay, peerOver variable
	limits                                []line
}

// role finds whose address a key speaks of and of which network; keys differ between releases of the plugin.
func role(key string) (who, network string) {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(key, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("peer", "remote", "other"):
		who = "peer"
	case has("my_", "my-", "local", "self", "own"):
		who = "me"
	}
	switch {
	case has("overlay"):
		network = "overlay"
	case has("public"):
		network = "public"
	case has("underlay", "private"):
		network = "underlay"
	}
	return who, network
}

func convertVNS3(o *output, src []byte) error {
	vars, err := readVariables(src)
	if err != nil {
		return err
	}
	var v vns3
	for _, x := range vars {
		v.take(o, x)
	}
	if v.peer.value == "" && v.public.value == "" {
		return fmt.Errorf("%w: no address of the peer", ErrNoVRRP)
	}
	v.emit(o)
	return nil
}

func (v *vns3) take(o *output, x variable) {
	key := strings.ToLower(x.key)
	who, network := role(key)
	slots := map[string]*variable{"me underlay": &v.me, "peer underlay": &v.peer, "peer public": &v.public, "me overlay": &v.myOverlay, "peer overlay": &v.peerOver}
	slot := slots[who+" "+network]
	switch {
	case strings.Contains(key, "password") || strings.Contains(key, "token") || strings.Contains(key, "secret"):
		o.leave(x.line, x.key+": ***", "not needed: the routers hear each other's adverts and need no API password")
	case key == "mode":
		v.mode = x
	case key == "cloud":
		v.cloud = x
	case key == "sleep_time":
		v.sleep = x
	case slot != nil:
		if _, err := netip.ParseAddr(x.value); err != nil {
			o.leave(x.line, x.key+": "+x.value, "not an IP address")
			return
		}
		*slot = x
	case strings.Contains(key, "vpc") || strings.Contains(key, "vnet"):
		v.limits = append(v.limits, line{"network " + word(x.value), x.line})
	case strings.Contains(key, "route_table") || strings.Contains(key, "routetable"):
		v.limits = append(v.limits, line{"table " + word(x.value), x.line})
	case strings.Contains(key, "region"):
		v.limits = append(v.limits, line{"region " + word(x.value), x.line})
	default:
		o.leave(x.line, x.key+": "+x.value, "no counterpart")
	}
}

// emit writes a claim that captures routes, its guard, and the unicast pair that decides.
func (v *vns3) emit(o *output) {
	priority := 100
	if v.mode.value == "primary" {
		priority = 200
	}
	provider := strings.ToLower(v.cloud.value)
	claimed := provider == "aws" || provider == "azure" || provider == "oci"
	if claimed {
		o.blocks = append(o.blocks, v.claim(provider))
	} else if v.cloud.line > 0 {
		o.leave(v.cloud.line, "cloud: "+v.cloud.value, "no cloud routes move: notify_master and notify_backup can move the appliance's own")
	}
	peer := v.peer
	if peer.value == "" {
		peer = v.public
	}
	b := &block{head: "vrrp_instance vns3-ha"}
	b.add(0, "state BACKUP")
	b.add(0, "interface eth0 # the interface of the underlay address")
	b.add(0, "virtual_router_id 51 # the same on both nodes")
	b.add(v.mode.line, "priority %d", priority)
	if v.me.value != "" {
		b.add(v.me.line, "unicast_src_ip %s", v.me.value)
	}
	if claimed {
		b.add(v.cloud.line, "cloud_claim vns3-ha")
	}
	p := b.sub(0, "unicast_peer")
	p.add(peer.line, "%s", peer.value)
	o.blocks = append(o.blocks, b)
	if v.myOverlay.line > 0 {
		o.leave(v.myOverlay.line, v.myOverlay.key+": "+v.myOverlay.value, "not needed: the claim asks about the peer only")
	}
}

func (v *vns3) claim(provider string) *block {
	c := &block{head: "cloud_claim vns3-ha", from: v.cloud.line}
	c.add(v.cloud.line, "provider %s", provider)
	c.add(0, "capture on")
	if v.peer.value != "" {
		c.add(v.peer.line, "peer %s", v.peer.value)
	}
	home := "peer"
	if v.mode.value == "primary" {
		home = "self"
	}
	c.add(v.mode.line, "home %s", home)
	c.lines = append(c.lines, v.limits...)
	if v.sleep.value != "" {
		c.add(v.sleep.line, "check_interval %s", word(v.sleep.value))
	}
	g := c.sub(0, "guard")
	for _, a := range []variable{v.public, v.peer, v.peerOver} {
		if a.value != "" {
			g.add(a.line, "ping %s", a.value)
		}
	}
	for _, a := range []variable{v.peer, v.peerOver} {
		if a.value != "" {
			g.add(a.line, "api https://%s/api/config", net.JoinHostPort(a.value, "8000"))
		}
	}
	return c
}
