// SPDX-License-Identifier: Apache-2.0

//go:build !nooci

package oci

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/govrrp/vrrpd/cloud"
)

// rules is the vendor's error table. A 404 on an object that was found a
// moment ago means "not authorised" far more often than "gone", and the vendor
// does not tell the two apart.
var rules = []cloud.Rule{
	{Status: 412, Class: cloud.ClassConflict},
	{Status: 409, Code: "IncorrectState", Class: cloud.ClassConflict},
	{Status: 409, Code: "LockConflict", Class: cloud.ClassConflict},
	{Status: 409, Code: "Conflict", Class: cloud.ClassConflict},
	{Status: 409, Class: cloud.ClassOccupied},
	{Status: 429, Class: cloud.ClassThrottle},
	{Status: 401, Class: cloud.ClassCredentials},
	{Status: 403, Class: cloud.ClassDenied},
	{Status: 404, Class: cloud.ClassDenied},
	{Status: 400, Code: "LimitExceeded", Class: cloud.ClassLimit},
	{Status: 400, Code: "QuotaExceeded", Class: cloud.ClassLimit},
}

// permissions that each operation needs, in the vendor's spelling.
var permissions = map[string]string{
	"GetVnic":         "VNIC_READ",
	"GetSubnet":       "SUBNET_READ",
	"ListPrivateIps":  "PRIVATE_IP_READ",
	"GetPrivateIp":    "PRIVATE_IP_READ",
	"UpdatePrivateIp": "PRIVATE_IP_UPDATE, VNIC_ASSIGN and VNIC_UNASSIGN",
	"ListIpv6s":       "IPV6_READ",
	"GetIpv6":         "IPV6_READ",
	"UpdateIpv6":      "IPV6_UPDATE, VNIC_ASSIGN and VNIC_UNASSIGN",
	"GetPublicIp":     "PUBLIC_IP_READ",
	"UpdatePublicIp":  "PUBLIC_IP_UPDATE, PUBLIC_IP_ASSIGN_PRIVATE_IP, PRIVATE_IP_ASSIGN_PUBLIC_IP and the UNASSIGN of both",
	"GetRouteTable":   "ROUTE_TABLE_READ",
	"UpdateRouteTable": "ROUTE_TABLE_UPDATE, PRIVATE_IP_ROUTE_TABLE_ATTACH and " +
		"PRIVATE_IP_ROUTE_TABLE_DETACH",
}

// toError turns an error of the SDK into one with a class. An error that has a
// class already, or comes from the fence, keeps it.
func toError(op string, err error) error {
	var known *cloud.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, cloud.ErrFenced) || errors.Is(err, cloud.ErrDryRun) {
		return err
	}
	var se common.ServiceError
	if !errors.As(err, &se) {
		class := cloud.ClassUnknown
		if errors.Is(err, errNoCredentials) {
			class = cloud.ClassCredentials
		}
		return &cloud.Error{Class: class, Op: op, Err: err}
	}
	e := &cloud.Error{
		Class: cloud.Classify(rules, se.GetHTTPStatusCode(), se.GetCode()),
		Op:    op, Code: se.GetCode(), Status: se.GetHTTPStatusCode(), RequestID: se.GetOpcRequestID(),
	}
	if m := se.GetMessage(); m != "" {
		e.Err = errors.New(m)
	}
	if e.Class == cloud.ClassDenied {
		e.Permission = permissions[op]
	}
	return e
}

// withHint adds the wait that the reply asked for.
func withHint(err error, resp *http.Response) error {
	var e *cloud.Error
	if resp == nil || !errors.As(err, &e) {
		return err
	}
	if s, perr := strconv.Atoi(resp.Header.Get("Retry-After")); perr == nil && s > 0 {
		e.Hint = time.Duration(min(s, 3600)) * time.Second
	}
	return err
}
