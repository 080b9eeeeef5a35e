// SPDX-License-Identifier: Apache-2.0

package script

import (
	"slices"
	"strings"
)

// defaultPath is used when the daemon itself has no PATH.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// withheldPrefixes name variables that make a loader, a shell or a language run
// code from elsewhere, and those that belong to the daemon's own service manager.
var withheldPrefixes = []string{
	"LD_", "BASH_FUNC_", "PYTHON", "PERL", "RUBY", "LUA_", "NODE_", "MALLOC_",
	"LISTEN_", "WATCHDOG_", "DYLD_",
	"VRRPD_", // ours to say: a script must be able to believe it
}

var withheldNames = []string{
	"BASH_ENV", "BASHOPTS", "CDPATH", "ENV", "GCONV_PATH", "GLOBIGNORE", "GODEBUG", "GOMAXPROCS",
	"GOTRACEBACK", "HOSTALIASES", "IFS", "JOURNAL_STREAM", "LOCALDOMAIN", "LOCPATH",
	"NLSPATH", "NOTIFY_SOCKET", "PATH_LOCALE", "PS4", "RES_OPTIONS", "SHELLOPTS", "TERMCAP",
	"TERMINFO", "TERMINFO_DIRS", "CREDENTIALS_DIRECTORY",
}

// Environment returns what a program gets of the daemon's environment: everything
// but the variables that change how programs load or run code (LD_*, BASH_ENV, IFS,
// PYTHON*, …) and those meant for the daemon alone (NOTIFY_SOCKET, LISTEN_*, VRRPD_*,
// GODEBUG, …). With a user, HOME, USER and LOGNAME are that user's. The added variables
// win. PATH is always set.
func Environment(inherited []string, u *User, added []string) []string {
	var out []string
	hasPath := false
	for _, kv := range inherited {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" || withheld(name) {
			continue
		}
		if u != nil && slices.Contains([]string{"HOME", "USER", "LOGNAME", "MAIL", "XDG_RUNTIME_DIR"}, name) {
			continue
		}
		hasPath = hasPath || name == "PATH" && value != ""
		out = append(out, kv)
	}
	if u != nil && u.Name != "" {
		out = append(out, "USER="+u.Name, "LOGNAME="+u.Name)
	}
	if u != nil && u.Home != "" {
		out = append(out, "HOME="+u.Home)
	}
	if !hasPath {
		out = append(out, defaultPath)
	}
	for _, kv := range added {
		out = append(out, strings.ReplaceAll(kv, "\x00", " "))
	}
	return out
}

func withheld(name string) bool {
	return slices.Contains(withheldNames, name) ||
		slices.ContainsFunc(withheldPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
