package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"autodeeplab/dataset"
)

// findingsShown is how many findings of a kind are printed.
const findingsShown = 10

func newDataCheckCommand(a *app) *cobra.Command {
	layout, asJSON, workers := "", false, 0
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Read a data set, and report what it holds and what is wrong with it",
		Long: `check reads every image and every label of a data set. It counts pairs, sizes and each class's share, and
lists images without labels and labels without image, unreadable files, labels that are no class (with file
and place), sizes that differ, images that are there twice, and what looks like one of the well-known slips.
It exits with 1 if there are errors, with 0 if there are none or only warnings.

Layouts:
` + layoutTable(),
		Example: `  autodeeplab data check camvid/
  autodeeplab data check VOCdevkit/VOC2012 --layout voc-aug --json > report.json`,
		Args: arguments(1, 1, "one folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var stop func()
			o := dataset.CheckOptions{Workers: workers}
			o.Progress, stop = a.reading()
			r, err := dataset.Check(cmd.Context(), args[0], layout, o)
			stop()
			if err != nil {
				return err
			}
			if asJSON {
				text, err := jsonText(r)
				if err != nil {
					return err
				}
				a.stdout.Write(text)
			} else {
				a.printReport(r)
			}
			switch r.Errors {
			case 0:
				return nil
			case 1:
				return fmt.Errorf("%s: 1 error", args[0])
			}
			return fmt.Errorf("%s: %d errors", args[0], r.Errors)
		},
	}
	f := cmd.Flags()
	f.StringVar(&layout, "layout", "", "how the folder is laid out (default: the first that fits)")
	f.IntVar(&workers, "threads", 0, "how many files to read at once (default: one a processor)")
	f.BoolVar(&asJSON, "json", false, "print JSON, with all findings")
	nameArguments(f, "layout", "NAME", "threads", "N")
	completeWith(cmd, "layout", dataset.Layouts())
	return cmd
}

func layoutTable() string {
	var b strings.Builder
	for _, row := range dataset.AboutLayouts() {
		fmt.Fprintf(&b, "  %-19s  %s\n", row[0], row[1])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// reading is a bar of samples read, for a data set whose size is known only when the first has been; stop takes it away.
func (a *app) reading() (progress func(done, all int), stop func()) {
	var once sync.Once
	var bar *progressbar.ProgressBar
	progress = func(done, all int) {
		once.Do(func() { bar = a.progress(all, "reading") })
		if bar != nil {
			_ = bar.Set(done)
		}
	}
	return progress, func() { clearBar(bar) }
}

func (a *app) printReport(r *dataset.Report) {
	a.printf("%s: layout %s, %d classes\n\n", r.Dir, r.Layout, len(r.Classes))
	a.printf("%-6s %8s %9s %22s %22s %9s\n", "split", "pairs", "readable", "height min/med/max", "width min/med/max", "ignored")
	sides := func(s dataset.Range) string { return fmt.Sprintf("%d/%d/%d", s.Min, s.Median, s.Max) }
	for _, s := range r.Splits {
		a.printf("%-6s %8d %9d %22s %22s %9s\n", s.Name, s.Pairs, s.Readable, sides(s.Height), sides(s.Width), portion(s.IgnoredPixels, s.Pixels))
	}
	a.printf("\n%5s  %-20s %10s %10s %14s %14s\n", "class", "name", "of train", "of val", "train images", "val images")
	for _, c := range r.Classes {
		var of [2]string
		for i, s := range r.Splits {
			of[i] = portion(c.Pixels[i], s.Pixels-s.IgnoredPixels)
		}
		a.printf("%5d  %-20s %10s %10s %14d %14d\n", c.ID, c.Name, of[0], of[1], c.Images[0], c.Images[1])
	}
	a.printf("\n")
	counts := make(map[string]int)
	for _, f := range r.Findings {
		counts[f.Kind]++
	}
	shown := make(map[string]int)
	for _, f := range r.Findings {
		severity := "warning"
		if f.Error {
			severity = "error"
		}
		switch shown[f.Kind]++; {
		case shown[f.Kind] <= findingsShown:
			a.printf("%s: %s: %s\n", severity, f.File, f.Text)
		case shown[f.Kind] == counts[f.Kind]:
			a.printf("%s: … and %d more of this kind, %q (--json lists all)\n", severity, counts[f.Kind]-findingsShown, f.Kind)
		}
	}
	a.printf("%d errors, %d warnings\n", r.Errors, r.Warnings)
}

// share is a part in per cent; of nothing it is unknown.
func portion(part, all int64) string {
	if all == 0 {
		return "–"
	}
	return percent(float64(part) / float64(all))
}
