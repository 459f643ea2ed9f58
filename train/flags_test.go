package train

import (
	"reflect"
	"testing"

	"autodeeplab/internal/option"
)

// TestFlagsCoverOptions holds that every option has a flag, named as messages name it.
func TestFlagsCoverOptions(t *testing.T) {
	names := make(map[string]bool)
	for _, f := range Flags {
		names[f.Name] = true
	}
	s := reflect.TypeFor[Options]()
	for i := range s.NumField() {
		if name := option.FlagName(s.Field(i).Name); !names[name] {
			t.Errorf("option %s has no flag --%s", s.Field(i).Name, name)
		}
	}
	if s.NumField() != len(Flags) {
		t.Errorf("%d flags for %d options", len(Flags), s.NumField())
	}
}

// TestFlagsRoundTrip sets every option of one preset from the text of another's.
func TestFlagsRoundTrip(t *testing.T) {
	from, to := Presets["paper"], Presets["small"]
	from.ClassWeights, from.Seed, from.Nesterov, from.FreezeBn = "1,2,0.5", 1<<63+1, true, true
	for _, f := range Flags {
		if err := f.Set(&to, f.Text(&from)); err != nil {
			t.Error(err)
		}
	}
	if from != to {
		t.Errorf("%+v became %+v", from, to)
	}
}
