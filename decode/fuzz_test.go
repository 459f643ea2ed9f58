package decode

import (
	"bytes"
	"testing"

	"autodeeplab/fixtures"
)

// FuzzArchitecture holds that no input makes the reader panic, that whatever it accepts is valid, and that what is
// accepted reads back from its canonical form as the same architecture with the same bytes.
func FuzzArchitecture(f *testing.F) {
	f.Add([]byte(fixtures.AutoDeepLabJSON))
	for _, a := range []*Architecture{small(), {Cell: small().Cell[:1], Path: []int{0}}} {
		data, err := Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	for _, s := range []string{
		"", "null", "[[", `{"format":"autodeeplab.architecture","version":1,"name":"\ud800","cell":[[{"input":-0,"op":"skip_connect"},{"op":"none","input":1}]],"path":[1]}`,
		`{"format":"autodeeplab.architecture","version":1e0}`, `{"cell":[],"cell":[]}`, "\xff", "{\"a\":\u00a0}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Unmarshal(data)
		if err != nil {
			if a != nil || err.Error() == "" {
				t.Fatalf("%v with the error %q", a, err)
			}
			return
		}
		if err := a.Validate(); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		first, err := Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Unmarshal(first)
		if err != nil || !b.Equal(a) {
			t.Fatalf("came back as %v, %v", b, err)
		}
		if again, err := Marshal(b); err != nil || !bytes.Equal(again, first) {
			t.Fatalf("%s then\n%s, %v", first, again, err)
		}
		_ = a.String()
	})
}
