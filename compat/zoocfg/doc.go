// Package zoocfg reads ZooKeeper's configuration: zoo.cfg, the dynamic configuration file and myid.
//
// # What it is
//
// [Load] reads a file into a [Config]; [Parse] does the same with text and a function that reads the other files. The syntax is that of
// java.util.Properties: "=", ":" or blanks after the key, "#" and "!" comments, continuation lines, \n \t \uXXXX escapes. (One deliberate
// difference: bytes are taken for UTF-8, not for Latin-1.)
//
// # Contract
//
//   - Every key of ZooKeeper 3.9 is known, with and without the prefix "zookeeper.": what Java takes as a system property may stand in
//     the file. [Table] says what each does here: it sets a field of Config; or it is fixed, and Config.Warnings names it if its value says
//     another thing; or it has no effect, and Config.Ignored names it; or it is refused, because the server would look safer than it is.
//   - Yes and no are read for each key as ZooKeeper reads them, which knows several ways, or refused; a reader is never laxer than it. A
//     number that means "off" there, or is raised to the least, means the same here, with a warning where it is silly.
//   - An unknown key is a warning that names it and the nearest known one, as ZooKeeper turns unknown keys into system properties
//     that nobody reads. A wrong value is an error with file, line, key and what is allowed. All errors are reported at once.
//   - Defaults are ZooKeeper 3.9's, except where the field's comment says otherwise.
//   - Config is plain data. The package opens no socket and resolves no name; [Config.CheckDirs] looks at folders.
//   - Keys that begin with "paddock." are ours; they are kept in Config.Own for whoever knows them.
//
// # Concurrency
//
// Functions and values; nothing is shared.
//
// # Debugging and testing
//
// testdata/zoocfg holds stories: a configuration and what was made of it. FuzzParse reads arbitrary
// files. TestWordsAsZooKeeper asks the classes of the real ZooKeeper what each word means to them, TestEveryPropertyIsListed which keys they
// know, and TestValuesAtTheEnds starts it with values at the ends of their ranges.
package zoocfg
