// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// ErrNotBuilt is returned by New of a program that was built with the tag nooci.
var ErrNotBuilt = errors.New("this program was built without support for oci (build tag nooci)")

// Auth says where credentials come from.
type Auth uint8

// The sources of credentials.
const (
	AuthAuto              Auth = iota // a configuration file if there is one, else the instance
	AuthInstancePrincipal             // the instance's certificate
	AuthConfigFile                    // a profile of a configuration file
)

// Options say how to reach the cloud. The zero value is right on an instance
// that is in a dynamic group.
type Options struct {
	// Endpoint is the URL of the core services API. Empty: the region's own.
	// Plain http to this machine only, as for the other endpoints.
	Endpoint string
	// AuthEndpoint is the URL of the federation service that issues tokens to
	// instances. Empty: OCI_SDK_AUTH_CLIENT_REGION_URL, or the region's own.
	AuthEndpoint string
	// MetadataEndpoint is the URL of the metadata service, up to and including
	// /opc/v2. Empty: OCI_METADATA_BASE_URL, or the link-local address.
	MetadataEndpoint string
	// Auth picks the credentials.
	Auth Auth
	// ConfigFile and Profile pick a profile of a configuration file. Empty:
	// OCI_CONFIG_FILE or ~/.oci/config, and OCI_CLI_PROFILE or DEFAULT.
	ConfigFile, Profile string
	// Region overrides the region of metadata or profile.
	Region string
	// VNICs, if not empty, names this node's network interfaces by OCID, for
	// use where there is no metadata service. Their subnets are then read.
	VNICs []string
	// Source is the local address that requests leave from: the primary
	// address of the node, never a virtual one. The zero Addr leaves the
	// choice to the kernel.
	Source netip.Addr
	// Timeout is the deadline of one request; default 3 s.
	Timeout time.Duration
	// Base replaces the network, for tests.
	Base http.RoundTripper
	// Links lists the kernel's interfaces, to match them by MAC; nil: net.Interfaces.
	Links func() ([]net.Interface, error)
	// Now is the wall clock, for the life of tokens; nil: time.Now.
	Now func() time.Time
}
