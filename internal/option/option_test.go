package option_test

import (
	"math"
	"testing"

	"autodeeplab/internal/option"
)

type inner struct{ Layers int }

type options struct {
	inner
	Rate     float64
	WarmUp   uint64
	Crop     option.Size
	Flip     bool
	Kind     string
	AllSizes []int
}

var flags = []option.Flag[options]{
	option.New("layers", "N", "", func(o *options) any { return &o.Layers }),
	option.New("rate", "X", "", func(o *options) any { return &o.Rate }),
	option.New("warm-up", "N", "", func(o *options) any { return &o.WarmUp }),
	option.New("crop", "HxW", "", func(o *options) any { return &o.Crop }),
	option.New("flip", "BOOL", "", func(o *options) any { return &o.Flip }),
	option.New("kind", "KIND", "", func(o *options) any { return &o.Kind }),
	option.New("all-sizes", "N,…", "", func(o *options) any { return &o.AllSizes }),
}

func TestSetAndText(t *testing.T) {
	texts := []string{"3", "0.5", "18446744073709551615", "121x161", "true", "any", "1,2"}
	var o options
	for i, f := range flags {
		if err := f.Set(&o, texts[i]); err != nil || f.Text(&o) != texts[i] {
			t.Errorf("--%s %s became %q, %v", f.Name, texts[i], f.Text(&o), err)
		}
		var fresh options
		if err := f.Set(&fresh, texts[i]); err != nil {
			t.Fatal(err)
		}
		if name, _, _ := option.Difference(options{}, fresh); name != f.Name {
			t.Errorf("--%s changes option %s", f.Name, name)
		}
	}
	if err := flags[3].Set(&o, "129"); err != nil || o.Crop != (option.Size{Height: 129, Width: 129}) || flags[3].Text(&o) != "129" {
		t.Errorf("--crop 129 is %v, %v", o.Crop, err)
	}
	for _, c := range []struct {
		flag       int
		text, want string
	}{
		{0, "x", `--layers "x": want a whole number`},
		{1, "", `--rate "": want a number`},
		{3, "3x", `--crop "3x": want a number, or height x width as 121x161`},
		{4, "yes", `--flip "yes": want true or false`},
		{6, "1,b", `--all-sizes "1,b": want whole numbers with commas between`},
	} {
		if err := flags[c.flag].Set(&o, c.text); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

func TestIn(t *testing.T) {
	if err := option.In("epochs", 3, 1, 3); err != nil {
		t.Error(err)
	}
	if err := option.In("epochs", 4, 1, 3); err == nil || err.Error() != "--epochs 4, want 1 to 3" {
		t.Error(err)
	}
	if err := option.In("rate", math.NaN(), 0, 1e9); err == nil || err.Error() != "--rate NaN, want 0 to 1e+09" {
		t.Error(err)
	}
}
