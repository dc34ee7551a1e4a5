//! The table: flags of op-node 1.21 (its generated reference of 1.19.3, and what older versions had that operators still give), and
//! kona-node's variables.

/// What a flag is followed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A value.
    Value,
    /// Nothing, or a Boolean value after `=`.
    Switch,
}

/// A setting that Petrel takes and does not use.
#[derive(Clone, Copy, Debug)]
pub struct Unused {
    /// op-node's flag, without the dashes.
    pub flag: &'static str,
    /// op-node's environment variable, without `OP_NODE_`; empty where it has none.
    pub variable: &'static str,
    /// kona-node's, without `KONA_NODE_P2P_`.
    pub kona: &'static [&'static str],
    /// What the flag is followed by.
    pub takes: Takes,
    /// What it does not do here, and why.
    pub why: &'static str,
}

const fn value(flag: &'static str, variable: &'static str, why: &'static str) -> Unused {
    Unused { flag, variable, kona: &[], takes: Takes::Value, why }
}

const fn switch(flag: &'static str, variable: &'static str, why: &'static str) -> Unused {
    Unused { flag, variable, kona: &[], takes: Takes::Switch, why }
}

impl Unused {
    const fn of_kona(mut self, names: &'static [&'static str]) -> Self {
        self.kona = names;
        self
    }
}

const ENGINE: &str = "Petrel gives its blocks to no execution client";
const DERIVATION: &str = "Petrel derives no blocks from L1: it follows the signed blocks of gossip";
const L1_READS: &str = "of L1 Petrel reads only the signer, every ten minutes";
const RPC: &str = "Petrel serves no JSON-RPC; see `petrel peers` and `petrel bans`";
const SEQUENCING: &str = "Petrel builds no blocks";
const PUBLISHING: &str = "Petrel publishes no blocks of its own";
const PPROF: &str = "Petrel is no Go program and has no pprof";
const CONDUCTOR: &str = "Petrel is no part of a group of sequencers";
const MULTIPLEXERS: &str = "Petrel has yamux alone; libp2p has retired mplex";
const DATADIR: &str = "Petrel's database is in --datadir";
const OPEN_DISCOVERY: &str = "Petrel looks for peers as often as it lacks some";

/// All of them, by name; kona-node's own last of those of P2P.
pub const UNUSED: &[Unused] = &[
    value("altda.da-server", "ALTDA_DA_SERVER", DERIVATION),
    switch("altda.da-service", "ALTDA_DA_SERVICE", DERIVATION),
    switch("altda.enabled", "ALTDA_ENABLED", DERIVATION),
    switch("altda.verify-on-read", "ALTDA_VERIFY_ON_READ", DERIVATION),
    switch("conductor.enabled", "CONDUCTOR_ENABLED", CONDUCTOR),
    value("conductor.rpc", "CONDUCTOR_RPC", CONDUCTOR),
    value("conductor.rpc-timeout", "CONDUCTOR_RPC_TIMEOUT", CONDUCTOR),
    switch("experimental.sequencer-api", "EXPERIMENTAL_SEQUENCER_API", SEQUENCING),
    switch("fetch-withdrawal-root-from-state", "FETCH_WITHDRAWAL_ROOT_FROM_STATE", ENGINE),
    value("finality.delay", "FINALITY_DELAY", DERIVATION),
    value("finality.lookback", "FINALITY_LOOKBACK", DERIVATION),
    switch("heartbeat.enabled", "HEARTBEAT_ENABLED", "Petrel reports to nobody"),
    value("heartbeat.moniker", "HEARTBEAT_MONIKER", "Petrel reports to nobody"),
    value("heartbeat.url", "HEARTBEAT_URL", "Petrel reports to nobody"),
    switch("ignore-missing-pectra-blob-schedule", "IGNORE_MISSING_PECTRA_BLOB_SCHEDULE", DERIVATION),
    value("interop.dependency-set", "INTEROP_DEPENDENCY_SET", DERIVATION),
    value("interop.jwt-secret", "INTEROP_JWT_SECRET", DERIVATION),
    value("interop.rpc.addr", "INTEROP_RPC_ADDR", DERIVATION),
    value("interop.rpc.port", "INTEROP_RPC_PORT", DERIVATION),
    value("l1.beacon", "L1_BEACON", DERIVATION),
    value("l1.beacon-archiver", "L1_BEACON_ARCHIVER", DERIVATION),
    value("l1.beacon-fallbacks", "L1_BEACON_FALLBACKS", DERIVATION),
    value("l1.beacon-header", "L1_BEACON_HEADER", DERIVATION),
    switch("l1.beacon.fetch-all-sidecars", "L1_BEACON_FETCH_ALL_SIDECARS", DERIVATION),
    switch("l1.beacon.ignore", "L1_BEACON_IGNORE", DERIVATION),
    value("l1.beacon.slot-duration-override", "L1_BEACON_SLOT_DURATION_OVERRIDE", DERIVATION),
    value("l1.cache-size", "L1_CACHE_SIZE", L1_READS),
    value("l1.epoch-poll-interval", "L1_EPOCH_POLL_INTERVAL", L1_READS),
    value("l1.http-poll-interval", "L1_HTTP_POLL_INTERVAL", L1_READS),
    value("l1.max-concurrency", "L1_MAX_CONCURRENCY", L1_READS),
    value("l1.rpc-max-batch-size", "L1_RPC_MAX_BATCH_SIZE", L1_READS),
    value("l1.rpc-rate-limit", "L1_RPC_RATE_LIMIT", L1_READS),
    value("l1.rpckind", "L1_RPC_KIND", L1_READS),
    value("l2", "L2_ENGINE_RPC", ENGINE),
    value("l2.engine-rpc-timeout", "L2_ENGINE_RPC_TIMEOUT", ENGINE),
    value("l2.enginekind", "L2_ENGINE_KIND", ENGINE),
    value("l2.follow.source", "L2_FOLLOW_SOURCE", ENGINE),
    value("l2.jwt-secret", "L2_ENGINE_AUTH", ENGINE),
    switch("log.pid", "LOG_PID", "Petrel's log lines have no process id"),
    switch("override.keep-karst-upgrade-gas", "OVERRIDE_KEEP_KARST_UPGRADE_GAS", DERIVATION),
    value("override.pectrablobschedule", "OVERRIDE_PECTRABLOBSCHEDULE", DERIVATION),
    value("p2p.discovery.path", "P2P_DISCOVERY_PATH", DATADIR),
    value("p2p.mux", "P2P_MUX", MULTIPLEXERS),
    value("p2p.peerstore.path", "P2P_PEERSTORE_PATH", DATADIR),
    switch("p2p.ping", "P2P_PING", "Petrel always pings its peers"),
    value("p2p.score.bands", "P2P_SCORE_BANDS", "op-node ignores it too"),
    value("p2p.scoring.topics", "P2P_TOPIC_SCORING", "op-node has replaced it by --p2p.scoring")
        .of_kona(&["TOPIC_SCORING"]),
    value("p2p.sequencer.key", "P2P_SEQUENCER_KEY", PUBLISHING).of_kona(&["SEQUENCER_KEY", "SEQUENCER_KEY_PATH"]),
    value("p2p.timeout.accept", "P2P_TIMEOUT_ACCEPT", "op-node does not use it either; see --p2p.timeout.dial"),
    value(
        "p2p.timeout.negotiation",
        "P2P_TIMEOUT_NEGOTIATION",
        "op-node does not use it either; see --p2p.timeout.dial",
    ),
    // kona-node's own.
    value("p2p.bootstore", "", DATADIR).of_kona(&["BOOTSTORE"]),
    switch("p2p.no-bootstore", "", DATADIR).of_kona(&["NO_BOOTSTORE"]),
    value("p2p.discovery.interval", "", OPEN_DISCOVERY).of_kona(&["DISCOVERY_INTERVAL"]),
    value("p2p.discovery.ip-votes", "", "Petrel's own rule for votes is stricter").of_kona(&["DISCOVERY_IP_VOTES"]),
    value("p2p.discovery.randomize", "", OPEN_DISCOVERY).of_kona(&["DISCOVERY_RANDOMIZE"]),
    value("p2p.redial", "", "Petrel redials static peers for as long as it runs").of_kona(&["REDIAL"]),
    value("p2p.redial.period", "", "Petrel redials static peers for as long as it runs").of_kona(&["REDIAL_PERIOD"]),
    value("pprof.addr", "PPROF_ADDR", PPROF),
    switch("pprof.enabled", "PPROF_ENABLED", PPROF),
    value("pprof.path", "PPROF_PATH", PPROF),
    value("pprof.port", "PPROF_PORT", PPROF),
    value("pprof.type", "PPROF_TYPE", PPROF),
    value("rollup.halt", "ROLLUP_HALT", "the protocol versions on L1 are not read; op-node has dropped them too"),
    value("rollup.l1-chain-config", "ROLLUP_L1_CHAIN_CONFIG", DERIVATION),
    switch(
        "rollup.load-protocol-versions",
        "ROLLUP_LOAD_PROTOCOL_VERSIONS",
        "the protocol versions on L1 are not read; op-node has dropped them too",
    ),
    value("rpc.addr", "RPC_ADDR", RPC),
    value("rpc.admin-state", "RPC_ADMIN_STATE", RPC),
    switch("rpc.enable-admin", "RPC_ENABLE_ADMIN", RPC),
    value("rpc.port", "RPC_PORT", RPC),
    value("safedb.path", "SAFEDB_PATH", DERIVATION),
    switch("sequencer.enabled", "SEQUENCER_ENABLED", SEQUENCING),
    value("sequencer.l1-confs", "SEQUENCER_L1_CONFS", SEQUENCING),
    value("sequencer.max-safe-lag", "SEQUENCER_MAX_SAFE_LAG", SEQUENCING),
    switch("sequencer.recover", "SEQUENCER_RECOVER", SEQUENCING),
    value("sequencer.sealing-duration", "SEQUENCER_SEALING_DURATION", SEQUENCING),
    switch("sequencer.stopped", "SEQUENCER_STOPPED", SEQUENCING),
    value("signer.address", "SIGNER_ADDRESS", PUBLISHING).of_kona(&["SIGNER_ADDRESS"]),
    value("signer.endpoint", "SIGNER_ENDPOINT", PUBLISHING).of_kona(&["SIGNER_ENDPOINT"]),
    value("signer.header", "SIGNER_HEADER", PUBLISHING).of_kona(&["SIGNER_HEADER"]),
    value("signer.tls.ca", "SIGNER_TLS_CA", PUBLISHING).of_kona(&["SIGNER_TLS_CA"]),
    value("signer.tls.cert", "SIGNER_TLS_CERT", PUBLISHING).of_kona(&["SIGNER_TLS_CERT"]),
    switch("signer.tls.enabled", "SIGNER_TLS_ENABLED", PUBLISHING),
    value("signer.tls.key", "SIGNER_TLS_KEY", PUBLISHING).of_kona(&["SIGNER_TLS_KEY"]),
    value("snapshotlog.file", "SNAPSHOT_LOG", "op-node has dropped it too"),
    value("syncmode", "SYNCMODE", ENGINE),
    value("syncmode.offset-el-safe", "SYNCMODE_OFFSET_EL_SAFE", ENGINE),
    switch("syncmode.req-resp", "SYNCMODE_REQ_RESP", "see --p2p.sync.req-resp"),
];
