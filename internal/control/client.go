// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"time"
)

// DefaultSocket is where the daemon listens unless told otherwise.
const DefaultSocket = "/run/vrrpd/vrrpd.sock"

// Client talks to one daemon.
type Client struct {
	socket string
	http   *http.Client
}

// Dial returns a client for the socket at path. It opens nothing yet.
func Dial(path string) *Client {
	var d net.Dialer
	return &Client{socket: path, http: &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		}},
	}}
}

// Status asks for the daemon's status.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	s := &Status{}
	return s, c.call(ctx, http.MethodGet, "/v1/status", nil, s)
}

// Decisions asks for an instance's decision log.
func (c *Client) Decisions(ctx context.Context, name string) (d []Decision, err error) {
	return d, c.call(ctx, http.MethodGet, "/v1/instances/"+url.PathEscape(name)+"/decisions", nil, &d)
}

// Do sends a command and decodes its answer into out.
func (c *Client) Do(ctx context.Context, cmd Command, out any) error {
	return c.call(ctx, http.MethodPost, "/v1/"+cmd.Verb, cmd, out)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://vrrpd"+path, &body)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("the daemon on %s is for root and the group of that socket: %w", c.socket, errors.Unwrap(err))
	}
	if err != nil {
		return fmt.Errorf("no daemon answers on %s (is vrrpd running? see --socket): %w", c.socket, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return json.NewDecoder(resp.Body).Decode(out)
	}
	var f struct {
		Error  string          `json:"error"`
		Detail json.RawMessage `json:"detail"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&f); err != nil || f.Error == "" {
		return fmt.Errorf("the daemon answered %s", resp.Status)
	}
	return &Refused{Message: f.Error, Detail: f.Detail}
}

// Refused is an error the daemon answered with.
type Refused struct {
	Message string
	Detail  json.RawMessage // the command's answer, if it has one in spite of the error
}

func (r *Refused) Error() string { return r.Message }
