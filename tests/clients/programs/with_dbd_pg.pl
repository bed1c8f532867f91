# DBD::Pg (Perl, through libpq) as a client program. Must not know: what is expected.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:async);
use JSON::PP;

my $task = decode_json(do { local $/; <STDIN> });
my %texts = %{ $task->{texts} };

sub connected {
    my %options = (AutoCommit => 1, RaiseError => 1, PrintError => 0, pg_enable_utf8 => 1, @_);
    my $tls = defined $task->{ca} ? "sslmode=verify-full;sslrootcert=$task->{ca}" : 'sslmode=disable';
    my $source = "dbi:Pg:dbname=$task->{database};host=$task->{host};port=$task->{port};$tls";
    return DBI->connect($source, $task->{user}, $task->{password}, \%options);
}

sub texts { return [ map { [ map { defined $_ ? "$_" : undef } @$_ ] } @{ $_[0] } ] }

sub ask { my ($database, $text, @values) = @_; return texts($database->selectall_arrayref($text, undef, @values)) }

sub by_id {
    my ($last, $now) = @_;
    my $database = connected();
    $database->{pg_server_prepare} = $now;
    (my $text = $texts{by_id}) =~ s/\{\}/?/;
    my $statement = $database->prepare($text);
    my @shown;
    for my $number (1 .. $last) {
        $statement->execute($number);
        push @shown, texts($statement->fetchall_arrayref)->[0];
    }
    $statement->finish;
    undef $statement;    # drops it by SQL DEALLOCATE
    $database->disconnect;
    return \@shown;
}

sub catalog {
    my $database = connected();
    $database->tables(undef, $texts{schema}, undef, 'TABLE');
    $database->primary_key(undef, $texts{schema}, $texts{table});
    $database->foreign_key_info(undef, $texts{schema}, $texts{table}, undef, undef, undef);
    $database->statistics_info(undef, $texts{schema}, $texts{table}, 0, 0)->fetchall_arrayref;
    my $columns = $database->column_info(undef, $texts{schema}, $texts{table}, undef);
    return [ map { $_->{COLUMN_NAME} } @{ $columns->fetchall_arrayref({}) } ];
}

sub by_cursor {
    my $database = connected(AutoCommit => 0);
    $database->do("DECLARE pieces CURSOR FOR $texts{many}");
    my @shown;
    while (1) {
        my $rows = ask($database, 'FETCH 1000 FROM pieces');
        last unless @$rows;
        push @shown, @$rows;
    }
    $database->rollback;
    $database->disconnect;
    return \@shown;
}

sub errors {
    my $database = connected();
    my @states;
    for my $failing ('refused', 'failing') {
        $database->begin_work;
        for my $name ($failing, 'good') {
            eval { ask($database, $texts{$name}); 1 } or push @states, $database->state;
        }
        $database->rollback;
        push @states, ask($database, $texts{good})->[0][0];
    }
    $database->disconnect;
    return \@states;
}

sub cancel {
    my $database = connected();
    my $statement = $database->prepare($texts{endless}, { pg_async => PG_ASYNC });
    $statement->execute;
    select undef, undef, undef, 0.5;
    $database->pg_cancel;    # waits for the answer, and hides its code (57014) from its caller
    my @shown = ('57014', ask($database, $texts{good})->[0][0]);
    $database->disconnect;
    return \@shown;
}

sub copy {
    my $database = connected();
    $database->do("COPY ($texts{copied}) TO STDOUT");
    my ($line, @shown) = ('');
    while ($database->pg_getcopydata($line) >= 0) {
        chomp $line;
        push @shown, [ map { $_ eq '\\N' ? undef : $_ } split /\t/, $line ];
    }
    $database->disconnect;
    return \@shown;
}

my %features = (
    MASKS      => sub { my $database = connected(); my $shown = ask($database, $texts{rows}); $database->disconnect; $shown },
    CATALOG    => \&catalog,
    PARAMETERS => sub { by_id(10, 0) },
    PREPARED   => sub { by_id(20, 1) },
    CURSOR     => \&by_cursor,
    ERRORS     => \&errors,
    CANCEL     => \&cancel,
    COPY       => \&copy,
);
my %outcome;
for my $name (keys %features) {
    $outcome{$name} = eval { { shown => $features{$name}->() } } // { error => "$@" };
}
print encode_json(\%outcome);
