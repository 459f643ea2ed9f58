package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"autodeeplab/dataset"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/imageio"
	"autodeeplab/internal/report"
)

// samplesFolder has a picture for each prediction that a training shows: samples/epoch-0002-NAME.png.
const samplesFolder = "samples"

// maxSamples is how many images a training may show after each validation, maxSampleEpochs of how many epochs its page has
// them, sampleSide how large each may be, and maxSampleBytes how large a file is read.
const (
	maxSamples      = 20
	maxSampleEpochs = 6
	sampleSide      = 256
	maxSampleBytes  = 4 << 20
)

// sampleWriter draws some of the validation images with their labels and what a network predicts.
type sampleWriter struct {
	dir   string
	n     int
	set   *dataset.Set
	epoch int
}

func newSampleWriter(dir string, n int, set *dataset.Set) *sampleWriter {
	return &sampleWriter{dir: filepath.Join(dir, samplesFolder), n: n, set: set}
}

// begin gives the indices of the images to draw of so many, evenly spread.
func (w *sampleWriter) begin(epoch, images int) map[int]bool {
	w.epoch = epoch
	chosen := make(map[int]bool)
	for i := range min(w.n, images) {
		chosen[i*images/min(w.n, images)] = true
	}
	return chosen
}

var notInNames = regexp.MustCompile(`[^0-9A-Za-z._-]+`)

func (w *sampleWriter) write(s dataset.Sample, p *imageio.Mask) error {
	pair, err := w.set.Load(s, 1)
	if err != nil {
		return err
	}
	data, err := report.Triptych(pair.RGB, pair.Labels, p.Labels, pair.Height, pair.Width, w.set.Classes.Palette, sampleSide)
	if err != nil {
		return err
	}
	if err := makeDir(w.dir); err != nil {
		return err
	}
	name := notInNames.ReplaceAllString(s.Name, "_")
	return atomicfile.WriteBytes(filepath.Join(w.dir, fmt.Sprintf("epoch-%04d-%s.png", w.epoch, name[:min(len(name), 100)])), data)
}

// readSamples reads what a sampleWriter has written, of the first, the last and some epochs between.
func readSamples(dir string) ([]report.Sample, error) {
	folder := filepath.Join(dir, samplesFolder)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []report.Sample
	var epochs []int
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), "epoch-")
		number, name, dash := strings.Cut(strings.TrimSuffix(rest, ".png"), "-")
		epoch, err := strconv.Atoi(number)
		if !ok || !dash || err != nil || filepath.Ext(e.Name()) != ".png" || !e.Type().IsRegular() {
			continue
		}
		all = append(all, report.Sample{Epoch: epoch, Name: name})
		if !slices.Contains(epochs, epoch) {
			epochs = append(epochs, epoch)
		}
	}
	slices.Sort(epochs)
	chosen := make(map[int]bool)
	for i := range min(maxSampleEpochs, len(epochs)) {
		chosen[epochs[i*(len(epochs)-1)/max(min(maxSampleEpochs, len(epochs))-1, 1)]] = true
	}
	all = slices.DeleteFunc(all, func(s report.Sample) bool { return !chosen[s.Epoch] })
	slices.SortStableFunc(all, func(a, b report.Sample) int { return a.Epoch - b.Epoch })
	for i := range all {
		s := &all[i]
		path := filepath.Join(folder, fmt.Sprintf("epoch-%04d-%s.png", s.Epoch, s.Name))
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if info.Size() > maxSampleBytes {
			return nil, fmt.Errorf("%s: %d bytes, want a picture of at most %d", path, info.Size(), maxSampleBytes)
		}
		if s.PNG, err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return all, nil
}
