package checkpoint

import (
	"strings"
	"testing"
)

func TestScanPickle(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"a number", "K\x01.", ""},
		{"nothing", "", "cut off"},
		{"no end", "K\x01", "cut off"},
		{"not an opcode", "\xff.", "byte 0xff at 0"},
		{"a text of 2^63 bytes", "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", "cut off"},
		{"a frame of 2^63 bytes", "\x95\xff\xff\xff\xff\xff\xff\xff\x7f.", "cut off"},
		{"a line without end", "Vabc", "cut off"},
		{"marks without end", strings.Repeat("(", 2<<20) + ".", "MiB to parse"},
		{"an extension", "\x82\x01.", "not a pickle of PyTorch"},
	} {
		end, err := scanPickle([]byte(c.data), newPickleBudget(0))
		if c.want == "" {
			if err != nil || end != len(c.data) {
				t.Errorf("%s: %d, %v", c.name, end, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	// Damage that the library answers with a panic.
	for _, data := range []string{"\x8a\x00.", "(K\x01d.", "}(K\x01u.", "ccollections\nOrderedDict\n)RC\x01xK\x01s.", "."} {
		if v, _, err := unpickle([]byte(data), newPickleBudget(0), nil, nil); err == nil {
			t.Errorf("%q is %v", data, v)
		}
	}
}

// TestPicklesAreNotExecuted: what a pickle calls is only noted.
func TestPicklesAreNotExecuted(t *testing.T) {
	v, _, err := unpickle([]byte("cos\nsystem\n(S'touch /nothing'\ntR."), newPickleBudget(0), findTorch, nil)
	if _, ok := v.(*opaque); err != nil || !ok {
		t.Errorf("%#v, %v", v, err)
	}
}
