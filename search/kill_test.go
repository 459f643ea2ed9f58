package search

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// victimPath names the environment variable that makes the test program run a search to its end, from the checkpoint at
// that path if there is one, and nothing else.
const victimPath = "AUTODEEPLAB_TEST_VICTIM"

func TestMain(m *testing.M) {
	if path := os.Getenv(victimPath); path != "" {
		if err := victim(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func victimOptions() Options {
	o := tinyOptions()
	o.Epochs = 12
	return o
}

func victim(path string) error {
	s, err := Resume(path, victimOptions(), squares{}, nil, 2)
	if os.IsNotExist(err) {
		s, err = New(victimOptions(), squares{}, nil, 2)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Run(context.Background(), Progress{}, 0, func() error { return s.Checkpoint(path) })
}

// TestKilledAtAnyInstant kills a search that writes its state after every step, at random instants, and resumes it: the
// end must be that of a search that nobody disturbed.
func TestKilledAtAnyInstant(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 5
	}
	dir := t.TempDir()
	undisturbed, err := New(victimOptions(), squares{}, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer undisturbed.Close()
	want := run(t, undisturbed, filepath.Join(dir, "undisturbed"))

	path := filepath.Join(dir, "disturbed")
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victimPath+"="+path)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	compare := func() {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatal("the search that was killed ends with other bytes")
		}
	}
	r := rand.New(rand.NewPCG(21, 22))
	ended := 0
	for killed := 0; killed < kills; {
		cmd := start()
		time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil && err != os.ErrProcessDone {
			t.Fatal(err)
		}
		if cmd.Wait() == nil { // it came to its end before: begin again
			compare()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			ended++
			continue
		}
		killed++
	}
	cmd := start()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the last resume: %v", err)
	}
	compare()
	t.Logf("killed %d times; %d searches came to their end in between", kills, ended)
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 {
		t.Errorf("%d files in the folder, want the two checkpoints: %v", len(left), left)
	}
}
