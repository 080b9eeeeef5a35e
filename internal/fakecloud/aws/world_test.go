// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func call(w *World, node, query string) *Request {
	p, err := url.ParseQuery(query)
	if err != nil {
		panic(err)
	}
	rq := &Request{At: time.Now(), Node: node, Service: "ec2", Op: p.Get("Action"), Params: p}
	w.perform(rq, Fault{})
	return rq
}

// What the vendor's reference says of each operation.
func TestOperations(t *testing.T) {
	w := New()
	a, b := w.AddNode("a", "10.0.0.2"), w.AddNode("b", "10.0.0.3")
	w.AddAddress("10.0.0.4", a.ENI())
	w.AddElastic("eipalloc-1", "203.0.113.9", a.ENI(), "10.0.0.4")
	w.AddTable("rtb-1", "t", nil)
	w.Slots = 3
	for _, tc := range []struct{ query, code string }{
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-b0&PrivateIpAddress.1=10.0.0.4", "InvalidParameterValue"},
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-b0&PrivateIpAddress.1=10.0.0.2&AllowReassignment=true", "InvalidParameterValue"},
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-b0&PrivateIpAddress.1=10.7.0.4&AllowReassignment=true", "InvalidParameterValue"},
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-x&PrivateIpAddress.1=10.0.0.4&AllowReassignment=true", "InvalidNetworkInterfaceID.NotFound"},
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-b0&AllowReassignment=true", "MissingParameter"},
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-b0&PrivateIpAddress.1=10.0.0.4&DryRun=true", "UnknownParameter"},
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-b0&PrivateIpAddress.1=10.0.0.4&AllowReassignment=true", ""},
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-b0&PrivateIpAddress.1=10.0.0.4&AllowReassignment=true", ""},
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-b0&PrivateIpAddress.1=10.0.0.5", ""},
		{"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-b0&PrivateIpAddress.1=10.0.0.6", "PrivateIpAddressLimitExceeded"},
		{"Action=AssignIpv6Addresses&NetworkInterfaceId=eni-a0&Ipv6Addresses.1=2001:db8:0::4", ""},
		{"Action=AssignIpv6Addresses&NetworkInterfaceId=eni-b0&Ipv6Addresses.1=2001:db8:0::4", "InvalidIPAddress.InUse"},
		{"Action=UnassignIpv6Addresses&NetworkInterfaceId=eni-b0&Ipv6Addresses.1=2001:db8:0::4", "InvalidParameterValue"},
		{"Action=UnassignIpv6Addresses&NetworkInterfaceId=eni-a0&Ipv6Addresses.1=2001:db8:0::4", ""},
		{"Action=AssociateAddress&AllocationId=eipalloc-9&NetworkInterfaceId=eni-a0", "InvalidAllocationID.NotFound"},
		{"Action=AssociateAddress&AllocationId=eipalloc-1&NetworkInterfaceId=eni-a0", "Resource.AlreadyAssociated"},
		{"Action=AssociateAddress&AllocationId=eipalloc-1&NetworkInterfaceId=eni-a0&PrivateIpAddress=10.0.0.4&AllowReassociation=true", "InvalidParameterValue"},
		{"Action=AssociateAddress&AllocationId=eipalloc-1&NetworkInterfaceId=eni-a0&DryRun=true", "DryRunOperation"},
		{"Action=ReplaceRoute&RouteTableId=rtb-1&DestinationCidrBlock=10.1.0.0/16&NetworkInterfaceId=eni-a0", "InvalidRoute.NotFound"},
		{"Action=CreateRoute&RouteTableId=rtb-1&DestinationCidrBlock=10.1.0.0/16&NetworkInterfaceId=eni-a0", ""},
		{"Action=CreateRoute&RouteTableId=rtb-1&DestinationCidrBlock=10.1.0.0/16&NetworkInterfaceId=eni-a0", "RouteAlreadyExists"},
		{"Action=ReplaceRoute&RouteTableId=rtb-1&DestinationCidrBlock=10.1.0.0/16&NetworkInterfaceId=eni-b0", ""},
		{"Action=ReplaceRoute&RouteTableId=rtb-9&DestinationCidrBlock=10.1.0.0/16&NetworkInterfaceId=eni-b0", "InvalidRouteTableID.NotFound"},
		{"Action=DescribeRouteTables&Filter.1.Name=nonsense&Filter.1.Value.1=x", "InvalidParameterValue"},
		{"Action=TerminateInstances", "InvalidAction"},
	} {
		if rq := call(w, "a", tc.query); rq.Code != tc.code {
			t.Errorf("%s: %q, want %q", tc.query, rq.Code, tc.code)
		}
	}
	// The elastic address went along with the private one.
	if eni, private := w.Elastic("eipalloc-1"); eni != b.ENI() || private != "10.0.0.4" {
		t.Errorf("elastic address at %s %s", eni, private)
	}
}

func TestViolationsAreFound(t *testing.T) {
	w := New()
	w.AddNode("a", "10.0.0.2")
	w.AddTable("rtb-1", "t", nil)
	for _, q := range []string{
		"Action=DescribeNetworkInterfaces", "Action=DescribeRouteTables&Filter.1.Name=vpc-id",
		"Action=AssignPrivateIpAddresses&NetworkInterfaceId=eni-a0&PrivateIpAddress.1=10.0.0.9",
		"Action=CreateRoute&RouteTableId=rtb-1&DestinationCidrBlock=10.1.0.0/16&NetworkInterfaceId=eni-a0",
		"Action=DisassociateAddress", "Action=AssociateAddress&AllocationId=eipalloc-1&NetworkInterfaceId=eni-a0",
	} {
		before := len(w.Violations(Declared{}))
		call(w, "a", q)
		if len(w.Violations(Declared{})) == before {
			t.Errorf("%s was not noticed", q)
		}
	}
}

func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New()
		w.AddNode("a", "10.0.0.2")
		w.AddTable("rtb-1", "t", nil)
		refused := 0
		for range 60 {
			if call(w, "a", "Action=ReplaceRoute&RouteTableId=rtb-1").Code == "RequestLimitExceeded" {
				refused++
			}
		}
		if refused != 10 {
			t.Errorf("%d of 60 refused, want 10", refused)
		}
		time.Sleep(time.Second)
		if rq := call(w, "a", "Action=ReplaceRoute&RouteTableId=rtb-1"); strings.Contains(rq.Code, "Limit") {
			t.Errorf("after a second: %s", rq.Code)
		}
	})
}
