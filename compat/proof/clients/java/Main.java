/** The Java client against a server: its API, synchronous and asynchronous, then through restarts. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        String hosts = args[0];
        try (Client c = new Client(hosts); Client other = new Client(hosts)) {
            new Nodes(hosts, c, other).run();
            new Access(hosts, c).run();
            new Asynchronous(c).run();
            new Watches(hosts, c, other).run();
            new Sessions(hosts, c).run();
        }
        new Survive(hosts).run();
        Harness.say("DONE");
    }
}
