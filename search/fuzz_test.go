package search

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"autodeeplab/decode"
)

// stateFile frames the JSON of a state as a checkpoint with α and β of that shape, all 0. Its checksum is missing, which
// ReadSummary does not look at.
func stateFile(t testing.TB, text string, s Space) []byte {
	t.Helper()
	r := decode.NewRelaxation(s.Blocks, s.Layers, s.Levels)
	views := make(map[string]safetensors.TensorView)
	for name, n := range map[string]int{"alpha": len(r.Alpha), "beta": len(r.Beta)} {
		v, err := safetensors.NewTensorView(safetensors.F32, []uint64{uint64(n)}, make([]byte, 4*n))
		if err != nil {
			t.Fatal(err)
		}
		views[name] = v
	}
	data, err := safetensors.Serialize(views, map[string]string{"format": kind.Format, "version": "1", "state": text})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fuzzSpace is that of the states that FuzzCheckpoint begins with.
var fuzzSpace = Space{Layers: 2, Blocks: 1, Filters: 2, Levels: 2, Classes: 3}

// someState is one that a search may have written.
func someState() *state {
	o := Presets["small"]
	o.Space = fuzzSpace
	return &state{Options: o, Data: "squares", Epoch: 1, Step: 2, AdamSteps: 1, Sums: runningSums{Loss: 1, Steps: 2, ArchSteps: 1},
		History: []Record{{Epoch: 1, Loss: 2, MIoU: -1, Cell: "none(0) + none(-1)", Path: []int{0, 1}}}}
}

// FuzzCheckpoint holds that no file, and no state in a file that is otherwise good, makes reading a search's checkpoint
// panic, and that what is accepted is a search's.
func FuzzCheckpoint(f *testing.F) {
	text, err := json.Marshal(someState())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, true)
	f.Add(stateFile(f, string(text), fuzzSpace), false)
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff{"), false)
	f.Fuzz(func(t *testing.T, data []byte, framed bool) {
		if framed {
			data = stateFile(t, string(data), fuzzSpace)
		}
		file, err := kind.Parse("x", data)
		if err != nil {
			return
		}
		s, err := summarize("x", file)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Errorf("the error is %q", err)
			}
			return
		}
		if len(s.History) != s.Epoch || s.Finished && s.Epoch == 0 {
			t.Errorf("%d epochs, %d records, finished: %v", s.Epoch, len(s.History), s.Finished)
		}
		if _, err := s.Relaxation.Decode(decode.DecodeOptions{Top: 2}); err != nil {
			t.Error(err)
		}
		if _, err := decode.MarshalRelaxation(s.Relaxation); err != nil {
			t.Error(err)
		}
	})
}

// TestHostileState lists what no search writes, though JSON can say it.
func TestHostileState(t *testing.T) {
	for want, change := range map[string]func(*state){
		"finished without an epoch":        func(s *state) { *s = state{Options: s.Options, Finished: true} },
		"1 epochs of 40 are finished, and": func(s *state) { s.History = nil },
		"41 epochs of 40":                  func(s *state) { s.Epoch = 41 },
		"-1 steps":                         func(s *state) { s.Step = -1 },
		"2 steps are finished, and 0":      func(s *state) { s.Sums.Steps = 0 },
		"and 2, 3 and 1":                   func(s *state) { s.Sums.ArchSteps = 3 },
		"fingerprint":                      func(s *state) { s.Data = "\x1b[31m" },
		"epoch 7":                          func(s *state) { s.History[0].Epoch = 7 },
		"the cell is":                      func(s *state) { s.History[0].Cell = "\n=cmd()" },
		"a path of 1000000 layers":         func(s *state) { s.History[0].Path = make([]int, 1e6) },
		"level 2":                          func(s *state) { s.History[0].Path[1] = 2 },
		"--epochs":                         func(s *state) { s.Options.Epochs = 1 << 40 },
		"layers":                           func(s *state) { s.Options.Layers = 1 << 40 },
	} {
		s := someState()
		change(s)
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		file, err := kind.Parse("x", stateFile(t, string(text), fuzzSpace))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := summarize("x", file); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%s: %v", want, err)
		}
	}
}
