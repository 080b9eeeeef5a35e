// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"strings"
)

func (a SendAdvert) String() string {
	to := make([]string, len(a.Packets))
	for i, p := range a.Packets {
		to[i] = p.Destination.String()
	}
	return fmt.Sprintf("send #%d advert priority=%d to %s", a.ID, a.Priority, strings.Join(to, " "))
}

func (a SetOwnership) String() string {
	if a.Own {
		return fmt.Sprintf("own #%d", a.ID)
	}
	return fmt.Sprintf("release #%d", a.ID)
}

func (a Announce) String() string {
	if a.Elsewhere {
		return fmt.Sprintf("announce #%d elsewhere", a.ID)
	}
	return fmt.Sprintf("announce #%d x%d", a.ID, a.Repeat)
}

func (a CastVote) String() string { return "vote " + a.Vote.String() }

func (a ReportTransition) String() string {
	return fmt.Sprintf("%v -> %v (%v)", a.From, a.To, a.Cause)
}

func (a ReportRefusal) String() string {
	return withDetail(fmt.Sprintf("refused %v from %v", a.Reason.String(), a.Source), a.Detail)
}

func (a ReportNotice) String() string {
	text := "notice " + string(a.Notice)
	if a.Source.IsValid() {
		text += " from " + a.Source.String()
	}
	return withDetail(text, a.Detail)
}

func withDetail(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + ": " + detail
}
