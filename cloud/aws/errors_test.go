// SPDX-License-Identifier: Apache-2.0

//go:build !noaws

package aws

import (
	"context"
	"net/http"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go/middleware"

	"github.com/govrrp/vrrpd/cloud"
)

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		op      string
		status  int
		code    string
		message string
		want    cloud.Class
	}{
		{"ReplaceRoute", 503, "RequestLimitExceeded", "", cloud.ClassThrottle},
		{"ReplaceRoute", 400, "Throttling", "", cloud.ClassThrottle},
		{"ReplaceRoute", 401, "AuthFailure", "", cloud.ClassCredentials},
		{"ReplaceRoute", 400, "RequestExpired", "", cloud.ClassCredentials},
		{"ReplaceRoute", 403, "ExpiredToken", "", cloud.ClassCredentials},
		{"ReplaceRoute", 403, "InvalidClientTokenId", "", cloud.ClassCredentials},
		{"ReplaceRoute", 403, "UnauthorizedOperation", "", cloud.ClassDenied},
		{"ReplaceRoute", 400, "InvalidRoute.NotFound", "", cloud.ClassAbsent},
		{"ReplaceRoute", 400, "InvalidRouteTableID.NotFound", "", cloud.ClassAbsent},
		{"ReplaceRoute", 400, "InvalidNetworkInterfaceID.NotFound", "", cloud.ClassAbsent},
		{"ReplaceRoute", 400, "InvalidParameterValue", "", cloud.ClassInvalid},
		{"CreateRoute", 400, "RouteAlreadyExists", "", cloud.ClassConflict},
		{"CreateRoute", 400, "RouteLimitExceeded", "", cloud.ClassLimit},
		{"AssociateAddress", 400, "InvalidAllocationID.NotFound", "", cloud.ClassAbsent},
		{"AssociateAddress", 400, "Resource.AlreadyAssociated", "", cloud.ClassOccupied},
		{"AssociateAddress", 400, "InvalidParameterValue", "no such private address", cloud.ClassConflict},
		{"AssignPrivateIpAddresses", 400, "InvalidParameterValue", "[10.0.0.4] assigned, but move is not allowed.", cloud.ClassOccupied},
		{"AssignPrivateIpAddresses", 400, "InvalidParameterValue", "not in range", cloud.ClassInvalid},
		{"AssignPrivateIpAddresses", 400, "PrivateIpAddressLimitExceeded", "", cloud.ClassLimit},
		{"AssignIpv6Addresses", 400, "InvalidIPAddress.InUse", "", cloud.ClassOccupied},
		{"UnassignIpv6Addresses", 400, "InvalidParameterValue", "", cloud.ClassConflict},
		{"ReplaceRoute", 400, "IncorrectState", "", cloud.ClassBusy},
		{"ReplaceRoute", 500, "InternalError", "", cloud.ClassUnknown},
		{"ReplaceRoute", 503, "Unavailable", "", cloud.ClassUnknown},
		{"ReplaceRoute", 400, "SomethingNew", "", cloud.ClassInvalid},
	} {
		if got := classify(tc.op, tc.status, tc.code, tc.message); got != tc.want {
			t.Errorf("%s %d %s %q: %s, want %s", tc.op, tc.status, tc.code, tc.message, got, tc.want)
		}
	}
}

func TestMutates(t *testing.T) {
	for _, tc := range []struct {
		method, service, op string
		want                bool
	}{
		{"POST", ec2.ServiceID, "AssignPrivateIpAddresses", true},
		{"POST", ec2.ServiceID, "ReplaceRoute", true},
		{"POST", ec2.ServiceID, "DescribeRouteTables", false},
		{"POST", "STS", "AssumeRole", false},
		{"POST", "", "", true},                                    // nobody knows what it is
		{"PUT", ec2.ServiceID, "AssignPrivateIpAddresses", false}, // a metadata session on the way to keys
		{"GET", "", "", false},
	} {
		ctx := middleware.WithOperationName(middleware.WithServiceID(context.Background(), tc.service), tc.op)
		r, err := http.NewRequestWithContext(ctx, tc.method, "https://ec2.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := mutates(r); got != tc.want {
			t.Errorf("%s %s %s: %t", tc.method, tc.service, tc.op, got)
		}
	}
}

// The endpoints of the other partitions are the SDK's, by region.
func TestScenario79_RegionVariants(t *testing.T) {
	for region, want := range map[string][2]string{
		"eu-central-1":  {"ec2.eu-central-1.amazonaws.com", "arn:aws:"},
		"cn-north-1":    {"ec2.cn-north-1.amazonaws.com.cn", "arn:aws-cn:"},
		"us-gov-west-1": {"ec2.us-gov-west-1.amazonaws.com", "arn:aws-us-gov:"},
	} {
		ep, err := ec2.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), ec2.EndpointParameters{
			Region: awssdk.String(region), UseDualStack: awssdk.Bool(false), UseFIPS: awssdk.Bool(false),
		})
		if err != nil || ep.URI.Host != want[0] {
			t.Errorf("%s: %s, %v", region, ep.URI.Host, err)
		}
		id := identity{node: cloud.Node{Region: region}}
		if arn := id.arn("route-table/rtb-1"); !strings.HasPrefix(arn, want[1]) {
			t.Errorf("%s: %s", region, arn)
		}
	}
}

func TestUnfilteredIsRefused(t *testing.T) {
	for name, err := range map[string]error{
		"interfaces": second(describeInterfaces(context.Background(), nil)),
		"no values":  second(describeInterfaces(context.Background(), nil, filter("subnet-id"))),
		"tables":     second(describeTables(context.Background(), nil)),
		"addresses":  second(describeAddresses(context.Background(), nil, nil)),
	} {
		if cloud.ClassOf(err) != cloud.ClassInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
