package bench

import (
	"io"

	"github.com/schollz/progressbar/v3"
)

// Bar draws the progress of a run on a terminal, one bar for each phase, and wipes it when the phase is over.
func Bar(w io.Writer) (show Progress, finish func()) {
	var bar *progressbar.ProgressBar
	phase := ""
	finish = func() {
		if bar != nil {
			_ = bar.Finish()
			bar, phase = nil, ""
		}
	}
	show = func(name string, done, total int64) {
		if name != phase {
			finish()
			phase = name
			bar = progressbar.NewOptions64(max(total, 1), progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(name),
				progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(40), progressbar.OptionSetPredictTime(false),
				progressbar.OptionSetElapsedTime(false))
		}
		_ = bar.Set64(min(done, total))
	}
	return show, finish
}
