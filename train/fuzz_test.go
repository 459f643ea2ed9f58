package train

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"
)

// stateFile frames the JSON of a state as a checkpoint without tensors. Its checksum is missing, which ReadSummary does not
// look at.
func stateFile(t testing.TB, text string) []byte {
	t.Helper()
	data, err := safetensors.Serialize(map[string]safetensors.TensorView{}, map[string]string{"format": kind.Format, "version": "1", "state": text})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// someState is one that a training may have written.
func someState() *state {
	return &state{Options: tinyOptions(), Data: "squares", Model: "0", Epoch: 2, Step: 1, Sums: runningSums{Loss: 1, Steps: 1}, Best: 2,
		History: []Record{{Epoch: 1, Loss: 2, MIoU: -1}, {Epoch: 2, Loss: 1, MIoU: 0.5, IoU: []float64{0.5, -1}}}}
}

// FuzzCheckpoint holds that no file, and no state in a file that is otherwise good, makes reading a training's checkpoint
// panic, and that what is accepted is a training's.
func FuzzCheckpoint(f *testing.F) {
	text, err := json.Marshal(someState())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, true)
	f.Add(stateFile(f, string(text)), false)
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff{"), false)
	f.Fuzz(func(t *testing.T, data []byte, framed bool) {
		if framed {
			data = stateFile(t, string(data))
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
		if len(s.History) != s.Epoch || s.Best > 0 && s.History[s.Best-1].MIoU < 0 {
			t.Errorf("%d epochs, %d records, the best is %d", s.Epoch, len(s.History), s.Best)
		}
	})
}

// TestHostileState lists what no training writes, though JSON can say it.
func TestHostileState(t *testing.T) {
	for want, change := range map[string]func(*state){
		"2 epochs of 4 are finished, and 0": func(s *state) { s.History, s.Best = nil, 0 },
		"5 epochs of 4":                     func(s *state) { s.Epoch = 5 },
		"finished is true after 2":          func(s *state) { s.Finished = true },
		"-1 steps":                          func(s *state) { s.Step = -1 },
		"the best epoch is 3":               func(s *state) { s.Best = 3 },
		"the best epoch is 1":               func(s *state) { s.Best = 1 },
		"2000 entries": func(s *state) {
			s.Metadata = map[string]string{}
			for i := range 2000 {
				s.Metadata[fmt.Sprint(i)] = ""
			}
		},
		"1000 class weights":     func(s *state) { s.ClassWeights = make([]float64, 1000) },
		"record 1 is of epoch 7": func(s *state) { s.History[0].Epoch = 7 },
		"with 300 classes":       func(s *state) { s.History[1].IoU = make([]float64, 300) },
		"--epochs":               func(s *state) { s.Options.Epochs = 1 << 40 },
	} {
		s := someState()
		change(s)
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		file, err := kind.Parse("x", stateFile(t, string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := summarize("x", file); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%s: %v", want, err)
		}
	}
	text, err := json.Marshal(someState())
	if err != nil {
		t.Fatal(err)
	}
	file, err := kind.Parse("x", stateFile(t, string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := summarize("x", file); err != nil {
		t.Error(err)
	}
}
