package search

import (
	"reflect"
	"testing"

	"autodeeplab/internal/option"
)

// TestFlagsCoverOptions holds that every option but the classes has a flag, named as messages name it.
func TestFlagsCoverOptions(t *testing.T) {
	names := make(map[string]bool)
	for _, f := range Flags {
		names[f.Name] = true
	}
	fields := 0
	var visit func(reflect.Type)
	visit = func(s reflect.Type) {
		for i := range s.NumField() {
			switch f := s.Field(i); {
			case f.Anonymous:
				visit(f.Type)
			case f.Name != "Classes":
				fields++
				if !names[option.FlagName(f.Name)] {
					t.Errorf("option %s has no flag --%s", f.Name, option.FlagName(f.Name))
				}
			}
		}
	}
	visit(reflect.TypeFor[Options]())
	if fields != len(Flags) {
		t.Errorf("%d flags for %d options", len(Flags), fields)
	}
}

// TestFlagsRoundTrip sets every option of one preset from the text of another's.
func TestFlagsRoundTrip(t *testing.T) {
	from, to := Presets["paper"], Presets["small"]
	from.Cost, from.StopEntropy, from.Seed = "macs", 0.25, 1<<63+1
	for _, f := range Flags {
		if err := f.Set(&to, f.Text(&from)); err != nil {
			t.Error(err)
		}
	}
	if !reflect.DeepEqual(from, to) {
		t.Errorf("%+v became %+v", from, to)
	}
	for _, f := range Flags {
		if f.Kind != "KIND" && f.Set(&to, "x") == nil {
			t.Errorf("--%s takes \"x\"", f.Name)
		}
	}
}

func TestPresetsAreValid(t *testing.T) {
	for name, o := range Presets {
		o.Classes = 11
		if err := o.Validate(); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
	}
}

func TestOptionErrors(t *testing.T) {
	for _, test := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Layers = 0 }, "0 layers, want 1 to 128 (--layers)"},
		{func(o *Options) { o.Levels = 5 }, "5 levels, want 1 to 4 (--levels)"},
		{func(o *Options) { o.Classes = 1 }, "1 classes, want 2 to 255 (--classes)"},
		{func(o *Options) { o.Batch = 0 }, "--batch 0, want 1 to 4096"},
		{func(o *Options) { o.Crops = nil }, "no crop size (--crops)"},
		{func(o *Options) { o.Crops = []int{64, 8} }, "--crops 8, want 16 to 4096"},
		{func(o *Options) { o.Rate = -1 }, "--rate -1, want 0 to 1000"},
		{func(o *Options) { o.Cost = "watts" }, `--cost "watts", want macs, params, latency`},
	} {
		o := Presets["small"]
		o.Classes = 11
		test.change(&o)
		if err := o.Validate(); err == nil || err.Error() != test.want {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
}
