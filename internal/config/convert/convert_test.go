// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/govrrp/vrrpd/internal/config"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// TestConvert compares the output with the golden files, and holds it to the checker: no error, no unknown word.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		file string
		from Dialect
	}{
		{"ibm_vra.set", Vyatta}, {"vyos.tree", VyOS}, {"vns3.yml", VNS3}, {"vns3.env", VNS3},
	} {
		t.Run(c.file, func(t *testing.T) {
			src, err := os.ReadFile("testdata/" + c.file)
			if err != nil {
				t.Fatal(err)
			}
			res, err := Convert(c.from, c.file, src)
			if err != nil {
				t.Fatal(err)
			}
			name := "testdata/" + c.file + ".golden"
			if *update {
				if err := os.WriteFile(name, []byte(res.Text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(want, []byte(res.Text)) {
				t.Errorf("got:\n%s\nwant:\n%s", res.Text, want)
			}
			_, ds := config.Parse("converted.conf", []byte(res.Text), config.Options{ConfigID: "x"})
			for _, d := range ds {
				if d.Severity.String() == "error" || d.Rule == "unknown-word" || d.Rule == "extra-words" || d.Rule == "track-missing" {
					t.Errorf("the output does not pass: %s\n%s", d, d.Text)
				}
			}
			if strings.Contains(res.Text, "s3cret") {
				t.Error("the output shows a password that it does not need")
			}
		})
	}
}

// TestEveryLineIsAccountedFor: a line of the source is in the output, or left
// with a reason, or not about VRRP.
func TestEveryLineIsAccountedFor(t *testing.T) {
	routers := "../../scenarios/testdata/converted/"
	for file, from := range map[string]Dialect{
		"testdata/ibm_vra.set": Vyatta, "testdata/vyos.tree": VyOS, "testdata/vns3.yml": VNS3, "testdata/vns3.env": VNS3,
		routers + "vra1.set": Vyatta, routers + "vyos1.boot": VyOS, routers + "vyos2.set": VyOS, routers + "vns3-primary.yml": VNS3,
	} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		res, err := Convert(from, file, src)
		if err != nil {
			t.Fatal(err)
		}
		for n, text := range strings.Split(string(src), "\n") {
			text = strings.TrimSpace(text)
			if text == "" || text == "---" || text == "}" || strings.HasSuffix(text, "{") || strings.HasPrefix(text, "/*") {
				continue
			}
			written := regexp.MustCompile(fmt.Sprintf(`# line %d\n`, n+1)).MatchString(res.Text)
			left := slices.ContainsFunc(res.Left, func(l Left) bool { return l.Line == n+1 })
			if !written && !left && !slices.Contains(res.Other, n+1) {
				t.Errorf("%s:%d is dropped in silence: %s", file, n+1, text)
			}
		}
	}
}

// TestBothForms converts one configuration from set commands and from a tree.
func TestBothForms(t *testing.T) {
	set := "set high-availability vrrp group G vrid 5\nset high-availability vrrp group G interface eth0\nset high-availability vrrp group G address 10.0.0.1/24\n"
	tree := "high-availability {\n vrrp {\n group G {\n vrid 5\n interface eth0\n address 10.0.0.1/24 {\n }\n }\n }\n}\n"
	a, err := Convert(VyOS, "a", []byte(set))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Convert(VyOS, "b", []byte(tree))
	if err != nil {
		t.Fatal(err)
	}
	ca, _ := config.Parse("a", []byte(a.Text), config.Options{ConfigID: "x"})
	cb, _ := config.Parse("b", []byte(b.Text), config.Options{ConfigID: "x"})
	if p := config.Diff(ca, cb); !p.Empty() || len(ca.Instances) != 1 {
		t.Errorf("the forms differ: %+v\n%s\n%s", p, a.Text, b.Text)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		from Dialect
		src  string
		want error
	}{
		{"junos", "x", ErrDialect},
		{Vyatta, "set system host-name x\n", ErrNoVRRP},
		{VyOS, "a {\n", ErrSyntax},
		{VyOS, "}\n", ErrSyntax},
		{VyOS, "a\x00b", ErrSyntax},
		{VNS3, "- a\n- b\n", ErrSyntax},
		{VNS3, "mode: primary\n", ErrNoVRRP},
	} {
		if _, err := Convert(c.from, "f", []byte(c.src)); !errors.Is(err, c.want) {
			t.Errorf("%s %q: %v, want %v", c.from, c.src, err, c.want)
		}
	}
}

func FuzzConvert(f *testing.F) {
	for _, name := range []string{"ibm_vra.set", "vyos.tree", "vns3.yml", "vns3.env"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, d := range Dialects() {
			res, err := Convert(d, "f", []byte(src))
			if err == nil && res.Text == "" {
				t.Fatal("no text and no error")
			}
		}
	})
}
