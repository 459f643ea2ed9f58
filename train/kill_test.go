package train

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

// victimPath names the environment variable that makes the test program run a training to its end, from the checkpoint at
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
	o.Epochs = 40
	return o
}

func victim(path string) error {
	trainer, err := resume(path, victimOptions(), fakeModel(3, 3), squares{3}, 2, buildFake)
	if os.IsNotExist(err) {
		trainer, err = newTrainer(victimOptions(), fakeModel(3, 3), squares{3}, 2, nil, buildFake)
	}
	if err != nil {
		return err
	}
	defer trainer.Close()
	return trainer.Run(context.Background(), Hooks{Validate: scores}, Every{Steps: 1}, func() error { return trainer.Checkpoint(path) })
}

// TestKilledAtAnyInstant kills a training that writes its state after every step, at random instants, and resumes it: the
// end must be that of one that nobody disturbed.
func TestKilledAtAnyInstant(t *testing.T) {
	kills := 30
	if testing.Short() {
		kills = 5
	}
	dir := t.TempDir()
	want := runFake(t, newFake(t, victimOptions(), 1), filepath.Join(dir, "undisturbed"))
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
			t.Fatal("the training that was killed ends with other bytes")
		}
	}
	r := rand.New(rand.NewPCG(31, 32))
	ended := 0
	for killed := 0; killed < kills; {
		cmd := start()
		time.Sleep(time.Duration(r.IntN(250)) * time.Millisecond)
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
	if err := start().Wait(); err != nil {
		t.Fatalf("the last resume: %v", err)
	}
	compare()
	t.Logf("killed %d times; %d trainings came to their end in between", kills, ended)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("in the folder are %v, want the two checkpoints (%v)", left, err)
	}
}
