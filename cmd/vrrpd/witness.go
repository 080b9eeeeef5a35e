// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/guard"
	"github.com/govrrp/vrrpd/internal/daemon"
)

// witnessPatience is how long a witness waits for a node: well below the second
// that whoever asks it waits.
const witnessPatience = 500 * time.Millisecond

func (a *app) witnessCommand() *cobra.Command {
	var listen, keyFile string
	c := &cobra.Command{
		Use:   "witness NAME=URL...",
		Short: "Answer for nodes that a third machine sees, where their peers cannot",
		Long: `Runs on a third machine and tells each node what its peer says of itself, when the
two cannot ask each other. URL is the peer's listen address with the name of the
claim, as in its guard's status; NAME is the path under which it is answered for:

    vrrpd witness --listen :8641 --key-file /etc/vrrpd/peer.key \
        a=http://10.0.0.2:8640/wan b=http://10.0.0.3:8640/wan

    guard {                                  # on node b
        key file:/etc/vrrpd/peer.key
        status http://10.0.0.2:8640/wan
        witness http://10.0.9.9:8641/a
    }`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := daemon.KeyFile(keyFile)
			if err != nil {
				return err
			}
			handler, err := witness(key, args)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			l, err := new(net.ListenConfig).Listen(c.Context(), "tcp", listen)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.stderr, "vrrpd: witness on", l.Addr())
			return serveUntil(c.Context(), l, handler)
		},
	}
	c.Flags().StringVar(&listen, "listen", ":8641", "address and port to answer at")
	c.Flags().StringVar(&keyFile, "key-file", "/etc/vrrpd/peer.key", "the key of the nodes, 32 to 64 bytes or hex:DIGITS")
	return c
}

// witness answers for each node under its name.
func witness(key cloud.Secret, nodes []string) (http.Handler, error) {
	mux := http.NewServeMux()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	seen := map[string]bool{}
	for _, n := range nodes {
		name, url, ok := strings.Cut(n, "=")
		if !ok || name == "" || strings.ContainsAny(name, "/ {}") || seen[name] || !strings.HasPrefix(url, "http") {
			return nil, fmt.Errorf("%q is not NAME=URL, or the name stands twice", n)
		}
		seen[name] = true
		mux.Handle("/"+name, guard.Handler(key, func() guard.Report {
			ctx, cancel := context.WithTimeout(context.Background(), witnessPatience)
			defer cancel()
			rep, err := guard.Ask(ctx, client, url, key)
			if err != nil {
				return guard.Report{Node: name, State: "UNREACHABLE"}
			}
			return rep
		}))
	}
	return mux, nil
}

func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 8 << 10}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
