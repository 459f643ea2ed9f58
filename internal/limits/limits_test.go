package limits

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of SECURITY.md anew")

func TestParse(t *testing.T) {
	s := Default()
	if err := s.Parse("run-bytes=512M, seconds=0,picture-pixels=1000"); err != nil {
		t.Fatal(err)
	}
	if s.Tensors().MaxMemory != 512<<20 || s.Time() != 0 || s.Pixels() != 1000 || s.Load().MaxProto != 1<<31-1 {
		t.Errorf("%+v", s)
	}
	if s.Text("run-bytes") != "512 MiB" || s.Text("seconds") != "none" || s.Text("model-bytes") != "2 GiB − 1" || s.Text("dimensions") != "16" {
		t.Errorf("%s %s %s", s.Text("run-bytes"), s.Text("seconds"), s.Text("model-bytes"))
	}
	before := *s
	for text, want := range map[string]string{
		"":                               "want NAME=VALUE of model-bytes, external-bytes",
		"pixels=4":                       "want NAME=VALUE",
		"run-bytes":                      "want NAME=VALUE",
		"run-bytes=0":                    "want a number of bytes of 1 or more",
		"run-bytes=-1":                   "want a number",
		"run-bytes=M":                    "want a number",
		"run-bytes=1T":                   "want a number",
		"run-bytes=9223372036854775807G": "want a number",
		"seconds=1,dimensions=x":         "dimensions=x",
	} {
		if err := s.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if *s != before {
			t.Fatalf("%q changed the limits", text)
		}
	}
}

// TestSecurityPage compares the table in SECURITY.md with the one in the code. Lines of the page's table are
// "| `name` | value | what it bounds |".
func TestSecurityPage(t *testing.T) {
	path := filepath.Join("..", "..", "SECURITY.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "<!-- limits -->\n")
	have, _, ended := strings.Cut(rest, "<!-- end of limits -->")
	if !ok || !ended {
		t.Fatal("SECURITY.md has no table between <!-- limits --> and <!-- end of limits -->")
	}
	var want strings.Builder
	want.WriteString("| limit | default | bounds |\n|---|---|---|\n")
	for _, l := range Table() {
		want.WriteString("| `" + l.Name + "` | " + l.Value() + unit(l) + " | " + l.Bounds + " |\n")
	}
	for _, l := range Fixed {
		want.WriteString("| " + l.Name + ", not to be changed | " + l.Value() + unit(l) + " | " + l.Bounds + " |\n")
	}
	if *update && ok && ended {
		text := strings.Replace(string(page), "<!-- limits -->\n"+have, "<!-- limits -->\n"+want.String(), 1)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if have != want.String() {
		t.Errorf("SECURITY.md has (-update writes it anew)\n%s\nwant\n%s", have, want.String())
	}
}

// unit is what is to be written behind a value: bytes tell themselves.
func unit(l Limit) string {
	if l.Default == 0 || l.Unit == "bytes" || l.Unit == l.Name {
		return ""
	}
	return " " + l.Unit
}
