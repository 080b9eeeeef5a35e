high-availability {
    vrrp {
        group wan {
            interface eth0
            priority 200
            rfc3768-compatibility
            virtual-address 203.0.113.1/24
            vrid 10
        }
        group users {
            advertise-interval 1
            authentication {
                password trunk100
                type plaintext-password
            }
            interface eth1.100
            preempt true
            preempt-delay 3
            priority 200
            transition-script {
                master "/config/scripts/vrrp.sh users"
            }
            virtual-address 10.0.100.1/24
            vrid 100
        }
        group servers {
            interface eth1.201
            priority 200
            virtual-address 10.0.201.1/24
            virtual-address 10.0.202.1/24
            vrid 201
        }
        sync-group main {
            member wan
            member users
            member servers
        }
    }
}
interfaces {
    ethernet eth0 {
        address 203.0.113.2/24
        hw-id 52:54:00:00:01:00
    }
    ethernet eth1 {
        vif 100 {
            address 10.0.100.2/24
        }
        vif 201 {
            address 10.0.201.2/24
        }
    }
}
service {
    conntrack-sync {
        accept-protocol tcp,udp,icmp
        failover-mechanism {
            vrrp {
                sync-group main
            }
        }
        interface eth2 {
        }
        mcast-group 225.0.0.50
    }
}
system {
    host-name edge1
}
