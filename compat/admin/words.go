package admin

import (
	"encoding/binary"
	"slices"
	"strings"
)

const notServing = "This ZooKeeper instance is not currently serving requests"

// wordList is every four-letter word.
func wordList() []string {
	return []string{"conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok", "srst", "srvr", "stat", "stmk", "wchc", "wchp", "wchs"}
}

// Words answers four-letter words.
type Words struct {
	src     Source
	enabled map[string]bool // word → whether the whitelist has it; all words are keys
}

// NewWords takes the whitelist of 4lw.commands.whitelist ("*" is every word). srvr is always allowed, because zkServer.sh needs it, and
// isro if the server may become read-only, because clients ask it.
func NewWords(src Source, whitelist []string, readOnlyMode bool) *Words {
	w := &Words{src: src, enabled: map[string]bool{}}
	for _, word := range wordList() {
		w.enabled[word] = word == "srvr" || word == "isro" && readOnlyMode ||
			slices.ContainsFunc(whitelist, func(l string) bool { l = strings.TrimSpace(l); return l == "*" || l == word })
	}
	return w
}

// Word says whether four bytes are a word, and how many bytes of arguments follow it.
func (w *Words) Word(word string) (args int, known bool) {
	_, known = w.enabled[word]
	if word == "stmk" {
		args = 8
	}
	return args, known
}

// Answer is the whole answer to a word; the connection is closed behind it. args are as many bytes as Word said.
func (w *Words) Answer(word string, args []byte) []byte {
	if !w.enabled[word] {
		return []byte(word + " is not executed because it is not in the whitelist.\n")
	}
	switch word {
	case "ruok":
		return []byte("imok")
	case "envi":
		return appendEnv(nil, w.src.Report(0).Build)
	case "gtmk":
		return []byte(decimal(w.src.Report(0).TraceMask))
	case "stmk":
		if len(args) < 8 {
			return nil
		}
		mask := int64(binary.BigEndian.Uint64(args))
		w.src.SetTraceMask(mask)
		return []byte(decimal(mask))
	}
	r := w.src.Report(partsOf(word))
	if !r.Serving {
		switch word {
		case "isro":
			return []byte("null")
		case "hash":
			return []byte(notServing)
		}
		return []byte(notServing + "\n")
	}
	return w.serving(word, &r)
}

// partsOf says which costly parts a word shows.
func partsOf(word string) Parts {
	switch word {
	case "stat", "cons":
		return PartConnections
	case "dump":
		return PartSessions | PartEphemerals | PartConnections
	case "wchc", "wchp":
		return PartWatches
	case "dirs", "conf":
		return PartDirs
	case "hash":
		return PartDigests
	}
	return 0
}

func (w *Words) serving(word string, r *Report) []byte {
	switch word {
	case "srvr", "stat":
		return appendStat(nil, r, word == "stat")
	case "cons":
		return appendConnections(nil, r)
	case "mntr":
		return appendMonitor(nil, r, w.src.Metrics())
	case "conf":
		return appendConf(nil, r)
	case "dump":
		return appendDump(nil, r)
	case "wchs":
		return appendWatchSummary(nil, r)
	case "wchc":
		return appendWatchesBySession(nil, r)
	case "wchp":
		return appendWatchesByPath(nil, r)
	case "dirs":
		return []byte("datadir_size: " + decimal(r.Dirs.Data) + "\nlogdir_size: " + decimal(r.Dirs.Log) + "\n")
	case "hash":
		return appendDigests(nil, r)
	case "isro":
		if r.Data.ReadOnly {
			return []byte("ro")
		}
		return []byte("rw")
	case "srst":
		w.src.ResetServerStats()
		w.src.Metrics().Reset()
		return []byte("Server stats reset.\n")
	case "crst":
		w.src.ResetConnStats()
		return []byte("Connection stats reset.\n")
	}
	return nil
}
