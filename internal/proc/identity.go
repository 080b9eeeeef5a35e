// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"fmt"
	"os/user"
	"strconv"
)

// Identity is the user and group a program runs under. It gets no
// supplementary groups.
type Identity struct {
	User string // name, for USER and LOGNAME; may be empty
	Home string // for HOME; may be empty
	UID  uint32
	GID  uint32
}

// Lookup finds a user, and a group if that is not empty, by name or number. The
// group defaults to the user's own. Only /etc/passwd and /etc/group are read;
// users of a directory service are named by number, with a group.
func Lookup(userName, groupName string) (*Identity, error) {
	id, err := lookupUser(userName)
	if err != nil {
		return nil, err
	}
	if groupName == "" {
		if id.User == "" {
			return nil, fmt.Errorf("user %s is not in /etc/passwd: name its group too", userName)
		}
		return id, nil
	}
	if n, err := strconv.ParseUint(groupName, 10, 32); err == nil {
		id.GID = uint32(n)
		return id, nil
	}
	g, err := user.LookupGroup(groupName)
	if err != nil {
		return nil, fmt.Errorf("group %q: not found in /etc/group", groupName)
	}
	n, err := strconv.ParseUint(g.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("group %q: number %q: %w", groupName, g.Gid, err)
	}
	id.GID = uint32(n)
	return id, nil
}

func lookupUser(name string) (*Identity, error) {
	u, err := user.Lookup(name)
	number, notNumber := strconv.ParseUint(name, 10, 32)
	if err != nil && notNumber == nil {
		if u, err = user.LookupId(name); err != nil {
			return &Identity{UID: uint32(number)}, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("user %q: not found in /etc/passwd", name)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %q: number %q: %w", name, u.Uid, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %q: group number %q: %w", name, u.Gid, err)
	}
	return &Identity{User: u.Username, Home: u.HomeDir, UID: uint32(uid), GID: uint32(gid)}, nil
}
