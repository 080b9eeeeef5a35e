// SPDX-License-Identifier: Apache-2.0

package script

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// A User is the identity a program runs with.
type User struct {
	Name string // for USER and LOGNAME; may be empty
	Home string // for HOME; may be empty
	UID  uint32
	GID  uint32
	// Groups are the supplementary groups. keepalived gives its scripts none.
	Groups []uint32
}

// LookupUser finds a user by name or number. An empty group means the user's own
// primary group. No supplementary groups are added, as with keepalived.
func LookupUser(name, group string) (User, error) {
	u, err := user.Lookup(name)
	if err != nil {
		byID, idErr := user.LookupId(name)
		if idErr != nil {
			return User{}, fmt.Errorf("script user %q: %w", name, err)
		}
		u = byID
	}
	gid := u.Gid
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			byID, idErr := user.LookupGroupId(group)
			if idErr != nil {
				return User{}, fmt.Errorf("script group %q: %w", group, err)
			}
			g = byID
		}
		gid = g.Gid
	}
	uidN, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return User{}, fmt.Errorf("script user %q: %w", name, err)
	}
	gidN, err := strconv.ParseUint(gid, 10, 32)
	if err != nil {
		return User{}, fmt.Errorf("script group %q: %w", group, err)
	}
	return User{Name: u.Username, Home: u.HomeDir, UID: uint32(uidN), GID: uint32(gidN)}, nil
}

func runsAsRoot(u *User) bool {
	if u == nil {
		return os.Geteuid() == 0
	}
	return u.UID == 0
}
